//! nginx, in a folder of its own.

use super::{Pki, free_port};
use std::io::Read;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// TLS as was usual in 2010.
pub const OLD: &str = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;";
/// TLS as it should be.
pub const MENDED: &str = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20; ssl_prefer_server_ciphers on; \
     add_header Strict-Transport-Security \"max-age=31536000; includeSubDomains\" always;";

/// A server of nginx: its port, the name of its certificate's files, and its directives.
pub struct Site<'a> {
    pub certificate: Option<&'a str>,
    pub directives: &'a str,
}

/// An nginx that serves until it is dropped.
pub struct Nginx {
    child: Child,
    /// The ports of the sites, in order.
    pub ports: Vec<u16>,
}

impl Nginx {
    /// Serves sites from the folder of certificates. `{port0}`, `{port1}`… in directives are the sites' ports.
    pub fn start(pki: &Pki, sites: &[Site<'_>]) -> Self {
        for _ in 0..5 {
            let ports: Vec<u16> = sites.iter().map(|_| free_port()).collect();
            let mut servers = String::new();
            for (site, port) in sites.iter().zip(&ports) {
                let ssl = site.certificate.map_or(String::new(), |name| {
                    format!("ssl_certificate {name}.pem; ssl_certificate_key {name}.key;")
                });
                let listen = if site.certificate.is_some() {
                    " ssl"
                } else {
                    ""
                };
                servers.push_str(&format!(
                    "server {{ listen 127.0.0.1:{port}{listen}; {ssl} {} }}\n",
                    site.directives
                ));
            }
            for (index, port) in ports.iter().enumerate() {
                servers = servers.replace(&format!("{{port{index}}}"), &port.to_string());
            }
            let conf = format!("{HEAD}{servers}}}\n");
            std::fs::write(pki.path("nginx.conf"), conf).expect("written");
            let child = Command::new("sh")
                .arg("-c")
                .arg("PATH=$PATH:/usr/sbin:/usr/local/sbin; exec nginx -p \"$0\" -e error.log -c \"$0/nginx.conf\"")
                .arg(pki.folder.path())
                .stderr(Stdio::piped())
                .spawn()
                .expect("nginx runs");
            let mut nginx = Nginx { child, ports };
            if nginx.is_up() {
                return nginx;
            }
            let mut said = String::new();
            let _ = nginx.child.kill();
            if let Some(mut stderr) = nginx.child.stderr.take() {
                let _ = stderr.read_to_string(&mut said);
            }
            eprintln!("nginx did not start: {said}");
        }
        panic!("nginx does not start");
    }

    fn is_up(&mut self) -> bool {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Ok(Some(_)) = self.child.try_wait() {
                return false;
            }
            let answers = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
            if self.ports.iter().all(answers) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// `127.0.0.1:PORT` of a site.
    pub fn at(&self, site: usize) -> String {
        format!("127.0.0.1:{}", self.ports[site])
    }

    /// Reads the certificates again.
    pub fn reload(&self) {
        self.signal("HUP");
    }

    fn signal(&self, signal: &str) {
        let _ = Command::new("kill")
            .args([format!("-{signal}"), self.child.id().to_string()])
            .status();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Told to end, it ends its workers, too.
        self.signal("TERM");
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const HEAD: &str = "daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {}
http {
access_log off;
client_body_temp_path body;
proxy_temp_path proxy;
fastcgi_temp_path fastcgi;
uwsgi_temp_path uwsgi;
scgi_temp_path scgi;
";
