//! A DNS server that answers as a test says, over UDP and TCP.

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CAA, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, OnceLock};

/// What it says to a question.
pub enum Answer {
    /// These records; none means that the name has no such records.
    Records(Vec<Record>),
    /// An error.
    Code(ResponseCode),
    /// Nothing.
    Silence,
}

/// One to whom no name is anything.
pub fn empty() -> SocketAddr {
    static STARTED: OnceLock<SocketAddr> = OnceLock::new();
    *STARTED.get_or_init(|| serve(|_, _| Answer::Code(ResponseCode::NXDomain)))
}

/// Starts one; it lives as long as the tests do.
pub fn serve(answer: impl Fn(&str, RecordType) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let (udp, tcp) = both();
    let address = udp.local_addr().unwrap();
    let answer = Arc::new(answer);
    let over_tcp = Arc::clone(&answer);
    std::thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut packet) {
            let Some(reply) = reply(&packet[..length], &*answer) else {
                continue;
            };
            let bytes = reply.to_vec().unwrap_or_default();
            // What does not fit is asked for again over TCP (RFC 1035, section 4.2.1).
            let bytes = match (1..=512).contains(&bytes.len()) {
                true => bytes,
                false => reply.truncate().to_vec().unwrap(),
            };
            let _ = udp.send_to(&bytes, from);
        }
    });
    std::thread::spawn(move || {
        for stream in tcp.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&over_tcp);
            std::thread::spawn(move || converse(stream, &*answer));
        }
    });
    address
}

/// A port that is free for both.
fn both() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

fn converse(
    mut stream: std::net::TcpStream,
    answer: &(impl Fn(&str, RecordType) -> Answer + ?Sized),
) {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut packet).is_err() {
            return;
        }
        let Some(reply) = reply(&packet, answer) else {
            return;
        };
        let bytes = reply.to_vec().unwrap();
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        if stream.write_all(&[&length, &bytes[..]].concat()).is_err() {
            return;
        }
    }
}

fn reply(
    packet: &[u8],
    answer: &(impl Fn(&str, RecordType) -> Answer + ?Sized),
) -> Option<Message> {
    let question = Message::from_vec(packet).ok()?;
    let query = question.queries.first()?.clone();
    let name = query.name().to_string().to_ascii_lowercase();
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    match answer(name.trim_end_matches('.'), query.query_type()) {
        Answer::Records(records) => {
            reply.add_answers(records);
        }
        Answer::Code(code) => reply.metadata.response_code = code,
        Answer::Silence => return None,
    }
    reply.metadata.recursion_available = true;
    reply.add_query(query);
    Some(reply)
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

pub fn a(owner: &str, address: Ipv4Addr) -> Record {
    Record::from_rdata(name(owner), 60, RData::A(A(address)))
}

pub fn cname(owner: &str, to: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(to))))
}

pub fn caa(owner: &str, tag: &str, value: &[u8]) -> Record {
    // It can be built in no other way with a tag and a value of one's own.
    let mut caa = CAA::new_issue(true, None, Vec::new());
    caa.tag = tag.to_owned();
    caa.value = value.to_vec();
    Record::from_rdata(name(owner), 60, RData::CAA(caa))
}
