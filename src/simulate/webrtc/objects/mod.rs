//! Statistics objects as Chromium 156 writes them, member by member (compared with captures of it).

mod inbound;
mod outbound;
mod shared;

use crate::simulate::random::{Random, finish};
use crate::simulate::write;

pub(super) use inbound::of_subscriber;
pub(super) use outbound::of_publisher;

/// What identifies an object in its report.
#[derive(Clone, Copy, Debug)]
enum Id {
    Fixed(&'static str),
    /// Of a stream, by its SSRC.
    Stream(&'static str, u32),
    /// Of a candidate, by a random number.
    Candidate(u64),
    /// Of a pair of candidates.
    Pair(u64, u64),
    /// Of a certificate, by a random number that gives its fingerprint.
    Certificate(u64),
}

impl Id {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Fixed(text) => out.extend_from_slice(text.as_bytes()),
            Self::Stream(prefix, ssrc) => {
                out.extend_from_slice(prefix.as_bytes());
                write::integer(out, u64::from(ssrc));
            }
            Self::Candidate(number) => {
                out.push(b'I');
                letters(out, number, 8);
            }
            Self::Pair(local, remote) => {
                out.extend_from_slice(b"CP");
                letters(out, local, 8);
                out.push(b'_');
                letters(out, remote, 8);
            }
            Self::Certificate(number) => {
                out.extend_from_slice(b"CF");
                fingerprint(out, number);
            }
        }
    }
}

/// Letters as in base64, always the same ones for a number.
fn letters(out: &mut Vec<u8>, number: u64, count: usize) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = Random::branch(number, 0);
    let mut bits = 0;
    for place in 0..count {
        if place % 10 == 0 {
            bits = random.bits();
        }
        out.push(LETTERS[(bits & 63) as usize]);
        bits >>= 6;
    }
}

/// A SHA-256 fingerprint, with colons.
fn fingerprint(out: &mut Vec<u8>, number: u64) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut random = Random::branch(number, 0);
    let mut bits = 0;
    for place in 0..32 {
        if place % 8 == 0 {
            bits = random.bits();
        }
        if place > 0 {
            out.push(b':');
        }
        out.extend_from_slice(&[HEX[(bits & 15) as usize], HEX[(bits >> 4 & 15) as usize]]);
        bits >>= 8;
    }
}

/// Writes the objects of one report, with commas between them.
#[derive(Debug)]
pub(super) struct Stats<'a> {
    out: &'a mut Vec<u8>,
    /// How far the client's clock is ahead.
    clock_us: i64,
    /// The type whose first object does not say it.
    typeless: Option<&'static str>,
    has_objects: bool,
}

impl<'a> Stats<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, clock_us: i64, typeless: Option<&'static str>) -> Self {
        Self { out, clock_us, typeless, has_objects: false }
    }

    /// Begins an object, sampled at `at_us`.
    fn object(&mut self, kind: &'static str, id: Id, at_us: i64) -> Object<'_> {
        self.out.extend_from_slice(if self.has_objects { b",{\"id\":\"" } else { b"{\"id\":\"" });
        self.has_objects = true;
        id.write(self.out);
        self.out.push(b'"');
        let mut object = Object { out: self.out, clock_us: self.clock_us };
        object.time("timestamp", at_us);
        if self.typeless == Some(kind) {
            self.typeless = None;
        } else {
            object.text("type", kind);
        }
        object
    }
}

/// Writes the members of one object, in a chain that [`Object::end`] closes.
#[derive(Debug)]
struct Object<'a> {
    out: &'a mut Vec<u8>,
    clock_us: i64,
}

impl Object<'_> {
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn count(&mut self, name: &str, value: u64) -> &mut Self {
        write::integer(self.name(name), value);
        self
    }

    fn signed(&mut self, name: &str, value: i64) -> &mut Self {
        write::signed(self.name(name), value);
        self
    }

    /// `value` divided by 10 to the power `digits`.
    fn decimal(&mut self, name: &str, value: u64, digits: u32) -> &mut Self {
        write::decimal(self.name(name), value, digits, true);
        self
    }

    /// Microseconds, as seconds.
    fn seconds(&mut self, name: &str, micros: u64) -> &mut Self {
        self.decimal(name, micros, 6)
    }

    /// A moment, by the client's clock, as milliseconds.
    fn time(&mut self, name: &str, at_us: i64) -> &mut Self {
        let shown_us = at_us.saturating_add(self.clock_us);
        self.true_time(name, shown_us)
    }

    /// A moment by a clock that is right.
    fn true_time(&mut self, name: &str, at_us: i64) -> &mut Self {
        self.decimal(name, at_us.max(0).cast_unsigned(), 3)
    }

    fn text(&mut self, name: &str, text: &str) -> &mut Self {
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        self
    }

    /// A number, as text.
    fn quoted(&mut self, name: &str, value: u64) -> &mut Self {
        let out = self.name(name);
        out.push(b'"');
        write::integer(out, value);
        out.push(b'"');
        self
    }

    fn id(&mut self, name: &str, id: Id) -> &mut Self {
        let out = self.name(name);
        out.push(b'"');
        id.write(out);
        out.push(b'"');
        self
    }

    fn letters(&mut self, name: &str, number: u64, count: usize) -> &mut Self {
        let out = self.name(name);
        out.push(b'"');
        letters(out, number, count);
        out.push(b'"');
        self
    }

    fn uuid(&mut self, name: &str, number: u64) -> &mut Self {
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(&write::uuid([finish(number), finish(!number)]));
        out.push(b'"');
        self
    }

    fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.name(name).extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    fn end(&mut self) {
        self.out.push(b'}');
    }
}
