//! The least that a function can be: it asks the Runtime API for an event and answers `202`, over one connection
//! and without a library. What any other costs beyond this is its own.

use std::{
    io::{BufRead, BufReader, Error, Read, Result, Write},
    net::TcpStream,
};

use runtime::Environment;

const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const ANSWER: &str =
    r#"{"statusCode":202,"headers":{"content-type":"application/json"},"body":"{}"}"#;

fn main() -> Result<()> {
    let api = Environment::of_process().text("AWS_LAMBDA_RUNTIME_API").map_err(Error::other)?;
    let mut connection = BufReader::new(TcpStream::connect(&api)?);
    connection.get_ref().set_nodelay(true)?;
    loop {
        let id = send(&mut connection, &format!("GET {NEXT} HTTP/1.1\r\nhost: {api}\r\n\r\n"))?;
        let path = format!("/2018-06-01/runtime/invocation/{id}/response");
        let length = ANSWER.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: {api}\r\ncontent-length: {length}\r\n\r\n");
        send(&mut connection, &(head + ANSWER))?;
    }
}

/// Sends a request, reads the answer to its end, and returns the id of the invocation that it names.
fn send(connection: &mut BufReader<TcpStream>, request: &str) -> Result<String> {
    connection.get_ref().write_all(request.as_bytes())?;
    let (mut id, mut length) = (String::new(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(Error::other("the Runtime API has hung up"));
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line == "\r\n" {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().map_err(Error::other)?;
        } else if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
            value.clone_into(&mut id);
        }
    }
    connection.read_exact(&mut vec![0; length])?;
    Ok(id)
}
