//! The protocol versions that an address accepts.

use super::{Address, OverHttp, asked};
use crate::config::TlsVersion;
use crate::judgement::Judgement;
use lockfast_facts::{Known, Read};

/// A protocol version, as the record names it and for people, the oldest first.
pub(crate) struct Version {
    pub(crate) name: &'static str,
    shown: &'static str,
}

/// All that are asked for. SSL 2.0 (1995) was never an RFC; RFC 6176 forbids it.
static VERSIONS: [Version; 6] = [
    version("SSLv2", "SSL 2.0"),
    version("SSLv3", "SSL 3.0"),
    version("TLSv1", "TLS 1.0"),
    version("TLSv1.1", "TLS 1.1"),
    version("TLSv1.2", "TLS 1.2"),
    version("TLSv1.3", "TLS 1.3"),
];

const fn version(name: &'static str, shown: &'static str) -> Version {
    Version { name, shown }
}

impl Version {
    /// Whether it is this one.
    pub(crate) fn is(&self, other: TlsVersion) -> bool {
        TlsVersion::parse(self.name) == Some(other)
    }

    /// Whether it is older than another; SSL 2.0 is older than all that the policy file can name.
    pub(crate) fn is_older(&self, than: TlsVersion) -> bool {
        TlsVersion::parse(self.name).is_none_or(|own| own < than)
    }
}

impl<'a> Address<'a> {
    /// Whether it accepts each version.
    pub(crate) fn versions(self) -> Vec<(&'static Version, Known<bool>)> {
        let versions = self.at("Tls.Versions").map_value();
        let each = VERSIONS.iter().map(|version| {
            // Not by a path, in which a dot divides.
            let read = match &versions {
                Read::Found(map, loc) => match map.get(version.name) {
                    Some(value) => value.at("").bool(),
                    None => Read::Absent(*loc),
                },
                Read::Absent(loc) => Read::Absent(*loc),
                Read::Unknown(why, loc) => Read::Unknown(why.clone(), *loc),
            };
            (version, asked(read, version.shown))
        });
        each.collect()
    }

    /// Whether it accepts one version.
    pub(crate) fn accepts(self, name: &str) -> Known<bool> {
        let mut versions = self.versions().into_iter();
        let found = versions.find(|(version, _)| version.name == name);
        found.map_or_else(
            || asked(Read::Absent(self.loc()), name),
            |(_, accepted)| accepted,
        )
    }

    /// Judges whether everything that it accepts is at least this version of TLS. Of plain HTTP, it may redirect.
    pub(crate) fn at_least(self, minimum: TlsVersion) -> Judgement {
        match self.endpoint.is_plain_http() {
            true => self.only_redirects(),
            false => self.versions_at_least(minimum),
        }
    }

    fn only_redirects(self) -> Judgement {
        let over_http = self.over_http();
        let judgement = match &over_http {
            Known::Unknown(why, _) => {
                Judgement::cannot_tell(self.subject(), "what it does with plain HTTP", why)
            }
            Known::Stated(OverHttp::Redirects, _) => Judgement::pass(
                self.subject(),
                "it speaks plain HTTP only to redirect to HTTPS",
            ),
            _ => Judgement::fail(self.subject(), "it answers over plain HTTP, without TLS"),
        };
        judgement.fact("plain HTTP", &over_http)
    }

    fn versions_at_least(self, minimum: TlsVersion) -> Judgement {
        let subject = self.subject();
        let older = self.accepts_any(|version| version.is_older(minimum));
        let enough = self.accepts_any(|version| !version.is_older(minimum));
        let versions = self.versions();
        let mut accepted: Vec<&Version> = Vec::new();
        for (version, known) in &versions {
            if known.value() == Some(&true) {
                accepted.push(version);
            }
        }
        let shown = |versions: &[&Version]| {
            let shown: Vec<&str> = versions.iter().map(|version| version.shown).collect();
            shown.join(", ")
        };
        let judgement = match (&older, &enough) {
            (Known::Unknown(why, _), _) => {
                let what = format!("whether it accepts what is older than {minimum}");
                Judgement::cannot_tell(subject, &what, why)
            }
            (older, _) if older.value() == Some(&true) => {
                let old = accepted.partition_point(|version| version.is_older(minimum));
                let old = shown(&accepted[..old]);
                Judgement::fail(subject, format!("it still accepts {old}"))
            }
            (_, Known::Unknown(why, _)) => {
                Judgement::cannot_tell(subject, &format!("whether it speaks {minimum}"), why)
            }
            (_, enough) if enough.value() == Some(&true) => {
                let oldest = accepted.first().map_or("", |version| version.shown);
                Judgement::pass(subject, format!("it accepts nothing older than {oldest}"))
            }
            _ => Judgement::fail(subject, "it speaks no TLS at all"),
        };
        let accepted = match accepted.is_empty() {
            true => "none seen".to_owned(),
            false => shown(&accepted),
        };
        let judgement = judgement.stated("versions accepted", accepted, self.loc());
        let unknown = versions.iter().filter(|(_, known)| known.why().is_some());
        unknown.fold(judgement, |judgement, (version, known)| {
            judgement.fact(version.shown, known)
        })
    }

    /// Judges whether it speaks this version of TLS or a later one, whatever else it speaks.
    pub(crate) fn speaks_at_least(self, minimum: TlsVersion) -> Judgement {
        let speaks = self.accepts_any(|version| !version.is_older(minimum));
        let judgement = match &speaks {
            Known::Unknown(why, _) => Judgement::cannot_tell(
                self.subject(),
                &format!("whether it speaks {minimum} or later"),
                why,
            ),
            known if known.value() == Some(&true) => {
                Judgement::pass(self.subject(), format!("it speaks {minimum} or later"))
            }
            _ => Judgement::fail(
                self.subject(),
                format!("it speaks neither {minimum} nor later"),
            ),
        };
        let judgement = match self
            .accepts_any(|version| version.is_older(minimum))
            .value()
        {
            Some(true) => {
                judgement.note("it accepts older versions too, for callers that ask for them")
            }
            _ => judgement,
        };
        judgement.fact(format!("{minimum} or later"), &speaks)
    }

    /// Whether a handshake of any version came about.
    pub(crate) fn speaks_tls(self) -> Known<bool> {
        self.accepts_any(|_| true)
    }

    /// Whether it accepts any of some versions.
    pub(crate) fn accepts_any(self, of: impl Fn(&Version) -> bool) -> Known<bool> {
        let mut unknown = None;
        let versions = self.versions().into_iter();
        for (_, accepted) in versions.filter(|(version, _)| of(version)) {
            match accepted {
                Known::Unknown(..) => unknown = unknown.or(Some(accepted)),
                known if known.value() == Some(&true) => return known,
                _ => {}
            }
        }
        unknown.unwrap_or(Known::Stated(false, self.loc()))
    }
}
