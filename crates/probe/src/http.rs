//! HTTP on the side: what port 80 does, and what the answer over TLS says of the next visit.

use crate::measure::Count;
use crate::public::is_public;
use crate::{Host, Place, Resolver, Route, unknown};
use http::header::{HOST, LOCATION, SERVER, SET_COOKIE, STRICT_TRANSPORT_SECURITY, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lockfast_tls::Pace;
use serde_json::{Map, Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use url::{Position, Url};

/// Redirects that are followed at most; browsers give up after 20, and nobody needs five.
const MOST_HOPS: usize = 10;
/// An answer's head at most, in bytes; the servers in use send 8 KiB at most, and its body is never read.
const MOST_HEAD: usize = 64 << 10;
const MOST_COOKIES: usize = 32;
const USER: &str = concat!("lockfast/", env!("CARGO_PKG_VERSION"));

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
}

/// Asks for a path over a stream, and reads the head of the answer.
///
/// # Errors
/// What came instead.
pub async fn get<S>(stream: S, host: &str, path: &str, within: Duration) -> Result<Head, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asking = async {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MOST_HEAD);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        let request = Request::get(path)
            .header(HOST, host)
            .header(USER_AGENT, USER)
            .header("accept", "*/*")
            .header("connection", "close")
            .body(Empty::<Bytes>::new());
        let Ok(request) = request else {
            return Ok(None);
        };
        let mut answer = std::pin::pin!(sender.send_request(request));
        tokio::select! {
            answer = &mut answer => answer.map(Some),
            // It may end with the answer in hand.
            ended = connection => match ended {
                Ok(()) => answer.await.map(Some),
                Err(error) => Err(error),
            },
        }
    };
    match timeout(within, asking).await {
        Ok(Ok(Some(answer))) => Ok(Head {
            status: answer.status(),
            headers: answer.headers().clone(),
        }),
        Ok(Ok(None)) => Err("the connection was closed without an answer".into()),
        Ok(Err(error)) => Err(format!("no HTTP answer: {error}")),
        Err(_) => Err("no answer in time".into()),
    }
}

/// What the next visit is told: HSTS (RFC 6797, section 6.1). False when the field is absent or malformed, which user agents
/// ignore.
pub fn hsts(headers: &HeaderMap) -> Value {
    // Of several, the first counts (section 8.1).
    let Some(field) = headers.get(STRICT_TRANSPORT_SECURITY) else {
        return Value::Bool(false);
    };
    let field = String::from_utf8_lossy(field.as_bytes()).to_ascii_lowercase();
    let mut age = None;
    let (mut subdomains, mut preload) = (false, false);
    for directive in field.split(';').map(str::trim) {
        let directive = directive
            .split_once('=')
            .map_or((directive, ""), |(name, value)| (name.trim(), value.trim()));
        match directive {
            // Said twice, it is malformed (section 6.1).
            ("max-age", _) if age.is_some() => return Value::Bool(false),
            ("max-age", value) => match seconds(value.trim_matches('"')) {
                Some(seconds) => age = Some(seconds),
                None => return Value::Bool(false),
            },
            ("includesubdomains", "") => subdomains = true,
            ("preload", "") => preload = true,
            _ => {}
        }
    }
    match age {
        Some(age) => json!({ "MaxAge": age, "IncludeSubDomains": subdomains, "Preload": preload }),
        None => Value::Bool(false),
    }
}

/// Digits alone (RFC 6797, section 6.1.1); so many that they are no number are a long time.
fn seconds(digits: &str) -> Option<u32> {
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// What AWS's front door says that it is, in its answer.
pub fn role(headers: &HeaderMap) -> Option<crate::Role> {
    let has = |name: &str| headers.contains_key(name);
    let api = has("x-amz-apigw-id") || has("apigw-requestid");
    // An edge-optimised API stands behind CloudFront too, so that both together tell neither.
    match (api, has("x-amz-cf-id")) {
        (true, false) => Some(crate::Role::Api),
        (false, true) => Some(crate::Role::Distribution),
        (true, true) => None,
        (false, false) => {
            let server = headers.get(SERVER).and_then(|value| value.to_str().ok());
            let balancer = server.is_some_and(|server| server.starts_with("awselb/"));
            balancer.then_some(crate::Role::LoadBalancer)
        }
    }
}

/// How plain HTTP is asked for.
pub struct Plain<'a> {
    /// The way there.
    pub route: &'a Route,
    /// For redirects to other names.
    pub resolver: &'a Resolver,
    /// How often an address gets a connection.
    pub pace: &'a Pace,
    /// How many connections the endpoint's address may get.
    pub(crate) count: &'a Count,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long an answer may take.
    pub answer: Duration,
}

impl Plain<'_> {
    /// What plain HTTP at the port of an address does when it is asked for the host (an address of IPv6 in brackets), as the
    /// record's `Http`.
    pub async fn measure(&self, host: &str, place: &Place, port: u16) -> Value {
        let shown = match port {
            80 => format!("http://{host}/"),
            port => format!("http://{host}:{port}/"),
        };
        let mut http = Map::new();
        http.insert("Url".into(), shown.clone().into());
        let Ok(mut url) = Url::parse(&shown) else {
            http.insert(
                "Answers".into(),
                unknown("http", "the host stands in no URL"),
            );
            return http.into();
        };
        let own = url.host_str().map(str::to_owned);
        let mut at = place.clone();
        let mut hops: Vec<Value> = Vec::new();
        let mut cookies: Vec<String> = Vec::new();
        // Why the chain was not followed to its end.
        let mut broken = None;
        let mut secure_after = None;
        loop {
            if hops.len() == MOST_HOPS {
                broken = Some(format!("{MOST_HOPS} redirects and no end"));
                break;
            }
            // Other addresses have other servers.
            let counted = match at.ip() == place.ip() {
                true => self.count.add(),
                false => Ok(()),
            };
            let head = match counted {
                Ok(()) => self.ask(&url, &at).await,
                Err(why) => Err(Trouble::Other(why)),
            };
            let head = match head {
                Ok(head) => head,
                Err(Trouble::Refused) if hops.is_empty() => {
                    http.insert("Answers".into(), Value::Bool(false));
                    return http.into();
                }
                Err(trouble) if hops.is_empty() => {
                    http.insert("Answers".into(), unknown("http", &trouble.to_string()));
                    return http.into();
                }
                Err(trouble) => {
                    broken = Some(trouble.to_string());
                    break;
                }
            };
            let hop = hop(&url, &head);
            hops.push(hop.told);
            // What others set goes back to them.
            if url.host_str() == own.as_deref() {
                cookies.extend(hop.cookies);
            }
            let Some(next) = hop.next else {
                break;
            };
            if hops.len() == 1 {
                let same = next.host_str() == url.host_str();
                http.insert("SameHost".into(), same.into());
            }
            if next.scheme() == "https" {
                secure_after = Some(hops.len());
                break;
            }
            match self.follow(&url, &next, &at, place).await {
                Ok(place) => at = place,
                Err(why) => {
                    broken = Some(why);
                    break;
                }
            }
            url = next;
        }
        http.insert("Answers".into(), Value::Bool(true));
        http.insert(
            "RedirectsToHttps".into(),
            Value::Bool(secure_after == Some(1)),
        );
        http.insert("Hops".into(), hops.into());
        cookies.sort();
        cookies.dedup();
        cookies.truncate(MOST_COOKIES);
        let cookies = match &broken {
            // The answers that were not had may set some.
            Some(why) if cookies.is_empty() => unknown("http", why),
            _ => cookies.into(),
        };
        http.insert("PlaintextCookies".into(), cookies);
        match (secure_after, broken) {
            (Some(hops), _) => {
                http.insert("HopsToHttps".into(), hops.into());
            }
            (None, Some(why)) => {
                http.insert("HopsToHttps".into(), unknown("http", &why));
            }
            (None, None) => {}
        }
        http.into()
    }

    async fn ask(&self, url: &Url, at: &Place) -> Result<Head, Trouble> {
        self.pace.wait(crate::measure::ip(at)).await;
        let stream = match self.route.open(at, self.connect).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                return Err(Trouble::Refused);
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(Trouble::Other("no connection in time".into()));
            }
            Err(error) => return Err(Trouble::Other(format!("no connection: {error}"))),
        };
        let host = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, None) => host.to_owned(),
            (host, Some(port)) => format!("{host}:{port}"),
        };
        let path = &url[Position::BeforePath..Position::AfterQuery];
        get(stream, &host, path, self.answer)
            .await
            .map_err(Trouble::Other)
    }

    /// Where a redirect over plain HTTP leads. A public server sends nobody into a private network, and not to the address that
    /// tells a machine's credentials.
    async fn follow(
        &self,
        from: &Url,
        to: &Url,
        at: &Place,
        first: &Place,
    ) -> Result<Place, String> {
        if to.scheme() != "http" {
            return Err(format!("a redirect to {}", clipped(to)));
        }
        let port = to.port().unwrap_or(80);
        let host = to.host_str().unwrap_or_default();
        if Some(host) == from.host_str() {
            return Ok(match at {
                Place::At(address) => Place::At(SocketAddr::new(address.ip(), port)),
                Place::Named(name, _) => Place::Named(name.clone(), port),
            });
        }
        // Where that is, inside or outside, only the proxy would find out.
        if self.route.resolves_names() {
            return Err(
                "a redirect to another host, which was not followed through a proxy".into(),
            );
        }
        let host: Host = host.trim_matches(['[', ']']).parse()?;
        let resolved = self.resolver.addresses(&host, port).await?;
        let inside = first.ip().is_some_and(|ip| !is_public(ip));
        let mut addresses = resolved.addresses.into_iter();
        match addresses.find(|ip| inside || is_public(*ip)) {
            Some(ip) => Ok(Place::At(SocketAddr::new(ip, port))),
            None => Err("a redirect into a private network, which was not followed".into()),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("connection refused")]
    Refused,
    #[error("{0}")]
    Other(String),
}

/// What one answer says.
pub struct Hop {
    /// As the record has it.
    pub told: Value,
    /// Where it redirects to.
    pub next: Option<Url>,
    /// The names of the cookies that would travel in plaintext.
    pub cookies: Vec<String>,
}

/// What the answer at a URL says.
pub fn hop(url: &Url, head: &Head) -> Hop {
    let cookies = plaintext_cookies(&head.headers);
    let next = location(url, head);
    Hop {
        told: json!({
            "Url": clipped(url), "Status": head.status.as_u16(),
            "Location": next.as_ref().map(clipped), "Cookies": cookies,
        }),
        next,
        cookies,
    }
}

/// Where an answer redirects to (RFC 9110, section 15.4).
fn location(from: &Url, head: &Head) -> Option<Url> {
    if !matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    // User agents take UTF-8 here as well, whatever the grammar says.
    let to = head.headers.get(LOCATION)?.as_bytes();
    from.join(&String::from_utf8_lossy(to)).ok()
}

/// The names of the cookies that would travel in plaintext: set without Secure (RFC 6265, section 4.1.2.5).
fn plaintext_cookies(headers: &HeaderMap) -> Vec<String> {
    let fields = headers.get_all(SET_COOKIE).iter();
    let name = |field: &http::HeaderValue| {
        let text = String::from_utf8_lossy(field.as_bytes()).into_owned();
        let mut parts = text.split(';').map(str::trim);
        // One without a name is all value (RFC 6265bis, section 5.6).
        let name = match parts.next()?.split_once('=') {
            Some((name, _)) => name.trim().to_owned(),
            None => "(nameless)".to_owned(),
        };
        let secure = parts.any(|part| part.eq_ignore_ascii_case("secure"));
        (!secure).then(|| name.chars().filter(|c| !c.is_control()).take(64).collect())
    };
    fields.filter_map(name).take(MOST_COOKIES).collect()
}

/// A URL without what may be a secret in it: login, query and fragment; of a scheme without hosts, the scheme alone.
fn clipped(url: &Url) -> String {
    let text = match url.has_host() {
        true => {
            let (scheme, host) = (
                url.scheme(),
                &url[Position::BeforeHost..Position::AfterPath],
            );
            format!("{scheme}://{host}")
        }
        false => format!("{}:", url.scheme()),
    };
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn hsts_is_read_as_user_agents_read_it() {
        let of = |field: &str| hsts(&headers(&[("strict-transport-security", field)]));
        assert_eq!(
            of("max-age=31536000; includeSubDomains; preload"),
            json!({"MaxAge": 31_536_000, "IncludeSubDomains": true, "Preload": true})
        );
        assert_eq!(
            of("Max-Age=\"60\" ;x=y"),
            json!({"MaxAge": 60, "IncludeSubDomains": false, "Preload": false})
        );
        assert_eq!(of("includeSubDomains"), json!(false));
        assert_eq!(of("max-age=soon"), json!(false));
        assert_eq!(hsts(&headers(&[])), json!(false));
    }

    #[test]
    fn cookies_without_secure_are_named_without_their_values() {
        let headers = headers(&[
            ("set-cookie", "sid=hunter2; Path=/"),
            ("set-cookie", "ok=1; SECURE"),
        ]);
        assert_eq!(plaintext_cookies(&headers), ["sid"]);
    }

    #[test]
    fn secure_cookies_hide_none() {
        let mut pairs = vec![("set-cookie", "ok=1; Secure"); MOST_COOKIES];
        pairs.push(("set-cookie", "sid=hunter2"));
        assert_eq!(plaintext_cookies(&headers(&pairs)), ["sid"]);
        let many = vec![("set-cookie", "sid=hunter2"); 2 * MOST_COOKIES];
        assert_eq!(plaintext_cookies(&headers(&many)).len(), MOST_COOKIES);
    }
}
