//! The identity of a line of line protocol (InfluxDB 2.7 reference, "Line protocol": spaces, commas and equals signs in names and tag
//! values are escaped by a backslash).

use std::collections::BTreeMap;

/// What says which row a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub measurement: String,
    pub tags: BTreeMap<String, String>,
    pub timestamp_ns: i64,
}

/// The parts of a line: measurement and tags, fields, time stamp.
pub fn parts(line: &str) -> (&str, &str, &str) {
    let tags_end = unescaped(line, b' ').next().expect("a space before the fields");
    let (rest, timestamp) = line.rsplit_once(' ').expect("a space before the time stamp");
    (&line[..tags_end], &rest[tags_end + 1..], timestamp)
}

/// Which row a line is.
pub fn identity(line: &str) -> Identity {
    let (series, _, timestamp) = parts(line);
    let ends: Vec<usize> = unescaped(series, b',').chain([series.len()]).collect();
    let tags = ends.windows(2).map(|pair| {
        let tag = &series[pair[0] + 1..pair[1]];
        let equals = unescaped(tag, b'=').next().expect("a tag has a value");
        (plain(&tag[..equals]), plain(&tag[equals + 1..]))
    });
    Identity {
        measurement: plain(&series[..ends[0]]),
        tags: tags.collect(),
        timestamp_ns: timestamp.parse().expect("a time stamp in ns"),
    }
}

/// Where `wanted` stands without a backslash before it.
fn unescaped(text: &str, wanted: u8) -> impl Iterator<Item = usize> {
    let mut escaped = false;
    text.bytes().enumerate().filter_map(move |(at, byte)| {
        let is_found = byte == wanted && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_found.then_some(at)
    })
}

fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escapes = character == '\\' && characters.peek().is_some_and(|next| matches!(next, ' ' | ',' | '='));
        if !escapes {
            plain.push(character);
        }
    }
    plain
}

#[test]
fn a_line_says_which_row_it_is() {
    let line = r#"edge_window,cdn=a\ b,edge=x\,y\=z text="a b,c=d",count=1i 1700"#;
    assert_eq!(parts(line), (r"edge_window,cdn=a\ b,edge=x\,y\=z", r#"text="a b,c=d",count=1i"#, "1700"));
    let identity = identity(line);
    assert_eq!((identity.measurement.as_str(), identity.timestamp_ns), ("edge_window", 1700));
    assert_eq!(
        identity.tags.into_iter().collect::<Vec<_>>(),
        [("cdn", "a b"), ("edge", "x,y=z")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
}
