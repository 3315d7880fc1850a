//! What stands between the program and a server.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::support::database::Database;
use crate::support::proxy::parts;
use xtask::model::backend::Backend;

/// Lets a client in as a pooler does, and says nothing more: it has no connection for it.
fn let_in(client: &mut TcpStream) -> std::io::Result<()> {
    loop {
        let mut head = [0; 8];
        client.read_exact(&mut head)?;
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        let mut rest = vec![0; number(&head[..4]) as usize - 8];
        client.read_exact(&mut rest)?;
        // Requests for TLS and GSSAPI.
        if [80_877_103, 80_877_104].contains(&number(&head[4..])) {
            client.write_all(b"N")?;
        } else {
            return client
                .write_all(b"R\0\0\0\x08\0\0\0\0S\0\0\0\x19client_encoding\0UTF8\0Z\0\0\0\x05I");
        }
    }
}

/// A pooler that has a connection to the server for the first clients only; returns its port.
fn pooler(server: &str, connections: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = server.to_owned();
    std::thread::spawn(move || {
        let mut waiting = Vec::new();
        for (at, client) in listener.incoming().enumerate() {
            let mut client = client.unwrap();
            if at >= connections {
                let_in(&mut client).unwrap();
                waiting.push(client);
                continue;
            }
            let server = TcpStream::connect(&server).unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ] {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    port
}

#[test]
fn a_pooler_without_a_free_connection_is_told() {
    let port = pooler("", 0);
    let mut workspace = Workspace::bare();
    workspace.set(
        "DEV_DATABASE_URL",
        &format!("postgres://ann@127.0.0.1:{port}/shop"),
    );
    workspace.set("PGCONNECT_TIMEOUT", "1");
    let run = workspace.run(&["sync", "export", "--env", "dev"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(
        run.stderr.contains("answered nothing within 4 seconds")
            && run.stderr.contains("a run has up to 5 open to its target"),
        "{run}"
    );
}

/// `pg_dump` itself would wait for ever.
#[test]
fn a_program_that_gets_no_connection_is_not_waited_for() {
    let database = Database::create(Backend::Postgres);
    let (_, server, _) = parts(&database.url);
    let port = pooler(server, 1);
    let mut workspace = Workspace::bare();
    workspace.set(
        "DEV_DATABASE_URL",
        &database.url.replace(server, &format!("127.0.0.1:{port}")),
    );
    workspace.set("PGCONNECT_TIMEOUT", "1");
    let run = workspace.run(&["sync", "backup", "--env", "dev"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(
        run.stderr.contains("answered nothing within 4 seconds"),
        "{run}"
    );
}
