//! A DNS server that knows every name: 127.0.0.1 and ::1, and nothing else of it.

use std::net::UdpSocket;
use std::time::Duration;

/// It answers until it is dropped.
pub struct Dns {
    pub address: String,
    stop: std::sync::Arc<std::sync::atomic::AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Dns {
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .expect("set");
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let ended = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut query = [0; 1500];
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut query)
                    && let Some(answer) = answer(&query[..length])
                {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Dns {
            address,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// RFC 1035, section 4.1: the header, the question as it was asked, and the address if one was asked for.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut end = 12;
    while *query.get(end)? != 0 {
        end += usize::from(query[end]) + 1;
    }
    let question = query.get(12..end + 5)?;
    let kind = u16::from_be_bytes([query[end + 1], query[end + 2]]);
    let data: &[u8] = match kind {
        1 => &[127, 0, 0, 1],
        28 => &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        _ => &[],
    };
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0]);
    answer.extend(question);
    if !data.is_empty() {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend(data);
    }
    Some(answer)
}
