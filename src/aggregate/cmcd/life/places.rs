//! Where a session was served from: the roll-up keys with most requests.

use crate::aggregate::cmcd::keys::RollupKey;
use crate::aggregate::packed;
use crate::model::bytes::{Reader, Short, Writer};
use crate::model::cmcd::{StreamType, StreamingFormat};

/// The most roll-up keys that are remembered of a session.
const PLACES_MAX: usize = 8;

const FORMATS: [StreamingFormat; 6] = [
    StreamingFormat::Unknown,
    StreamingFormat::Dash,
    StreamingFormat::Hls,
    StreamingFormat::Hesp,
    StreamingFormat::Smooth,
    StreamingFormat::Other,
];
const STREAMS: [StreamType; 4] = [StreamType::Unknown, StreamType::Vod, StreamType::Live, StreamType::LowLatencyLive];
/// The kind of the key of all that is beyond a window's cap.
const FOLDED: u8 = u8::MAX;

/// A roll-up key of one tenant, as carries have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlaceKey<'a> {
    pub(crate) edge: &'a str,
    /// Streaming format and stream type in one byte.
    pub(crate) kind: u8,
}

impl<'a> PlaceKey<'a> {
    /// Of a roll-up key.
    pub(crate) fn of(key: &'a RollupKey) -> Self {
        if *key == RollupKey::other() {
            return Self { edge: &key.edge, kind: FOLDED };
        }
        let format = FORMATS.iter().position(|format| format.as_str() == key.streaming_format).unwrap_or(0);
        let stream = STREAMS.iter().position(|stream| stream.as_str() == key.stream_type).unwrap_or(0);
        Self { edge: &key.edge, kind: (format * STREAMS.len() + stream) as u8 }
    }

    /// The roll-up key of this tenant.
    pub(crate) fn rollup_key(self, tenant: &str) -> RollupKey {
        if self.kind == FOLDED {
            return RollupKey::other();
        }
        let (format, stream) = (usize::from(self.kind) / STREAMS.len(), usize::from(self.kind) % STREAMS.len());
        RollupKey {
            tenant: tenant.into(),
            edge: self.edge.into(),
            streaming_format: FORMATS.get(format).copied().unwrap_or_default().as_str(),
            stream_type: STREAMS.get(stream).copied().unwrap_or_default().as_str(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place<'a> {
    key: PlaceKey<'a>,
    requests: i64,
}

/// The roll-up keys of one session. The first is that of the last sign of life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places<'a> {
    list: Vec<Place<'a>>,
}

impl<'a> Places<'a> {
    /// Adds requests.
    pub(crate) fn add(&mut self, key: PlaceKey<'a>, requests: i64) {
        match self.list.iter_mut().find(|place| place.key == key) {
            Some(place) => place.requests = place.requests.saturating_add(requests),
            None => self.list.push(Place { key, requests }),
        }
    }

    /// Ends a window in which the last sign of life was at `latest`.
    pub(crate) fn settle(&mut self, latest: PlaceKey<'a>) {
        self.add(latest, 0);
        if self.list.len() == 1 {
            return;
        }
        let order = |place: &Place<'a>| (place.key != latest, std::cmp::Reverse(place.requests), place.key);
        self.list.sort_unstable_by(|left, right| order(left).cmp(&order(right)));
        self.list.truncate(PLACES_MAX);
    }

    /// The key with most requests, ties by name; without requests, that of the last sign of life.
    pub(crate) fn main(&self) -> Option<PlaceKey<'a>> {
        let asked = self.list.iter().filter(|place| place.requests > 0);
        let most = asked.min_by_key(|place| (std::cmp::Reverse(place.requests), place.key));
        most.or(self.list.first()).map(|place| place.key)
    }

    /// The edge with most requests over its keys, ties by name; without requests, that of the last sign of life.
    pub(crate) fn main_edge(&self) -> Option<&'a str> {
        let requests = |edge: &str| -> i64 {
            let same = self.list.iter().filter(|place| place.key.edge == edge);
            same.map(|place| place.requests).fold(0, i64::saturating_add)
        };
        let counted = self.list.iter().map(|place| (place.key.edge, requests(place.key.edge)));
        let most = counted.filter(|(_, requests)| *requests > 0);
        let most = most.min_by_key(|(edge, requests)| (std::cmp::Reverse(*requests), *edge));
        most.map(|(edge, _)| edge).or(self.list.first().map(|place| place.key.edge))
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.unsigned(self.list.len() as u64);
        for place in &self.list {
            out.text(place.key.edge);
            out.byte(place.key.kind);
            packed::write(out, place.requests);
        }
    }

    pub(super) fn read(input: &mut Reader<'a>) -> Result<Self, Short> {
        let mut list = Vec::new();
        for _ in 0..input.unsigned()?.min(PLACES_MAX as u64) {
            let key = PlaceKey { edge: input.text()?, kind: input.byte()? };
            list.push(Place { key, requests: packed::read(input)? });
        }
        Ok(Self { list })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(edge: &str, kind: u8) -> PlaceKey<'_> {
        PlaceKey { edge, kind }
    }

    #[test]
    fn the_edge_with_most_requests_over_its_keys_is_the_main_one() {
        let mut places = Places::default();
        for (edge, kind, requests) in [("b", 1, 4), ("a", 1, 3), ("a", 2, 3), ("c", 1, 1)] {
            places.add(key(edge, kind), requests);
        }
        places.settle(key("c", 1));
        assert_eq!((places.main_edge(), places.main()), (Some("a"), Some(key("b", 1))));
        let mut silent = Places::default();
        silent.settle(key("z", 0));
        silent.settle(key("y", 0));
        assert_eq!((silent.main_edge(), silent.main()), (Some("y"), Some(key("y", 0))));
    }

    #[test]
    fn of_many_edges_those_with_most_requests_are_kept() {
        let names: Vec<String> = (0..12).map(|number| format!("edge-{number:02}")).collect();
        let mut places = Places::default();
        for (name, requests) in names.iter().zip(1..) {
            places.add(key(name, 0), requests);
        }
        places.settle(key(&names[0], 0));
        let kept: Vec<_> = places.list.iter().map(|place| place.requests).collect();
        assert_eq!(kept, [1, 12, 11, 10, 9, 8, 7, 6]);
    }

    #[test]
    fn every_roll_up_key_comes_back() {
        for format in FORMATS {
            for stream in STREAMS {
                let key = RollupKey {
                    tenant: "acme".into(),
                    edge: "other".into(),
                    streaming_format: format.as_str(),
                    stream_type: stream.as_str(),
                };
                assert_eq!(PlaceKey::of(&key).rollup_key("acme"), key);
            }
        }
        assert_eq!(PlaceKey::of(&RollupKey::other()).rollup_key("acme"), RollupKey::other());
    }
}
