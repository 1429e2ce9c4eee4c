//! The body of a statistics POST of peermetrics: `{connectionId, delta, data: {connection, audio, video, remote}}`.
//!
//! Facts of the format, from `peermetrics/webrtc-stats` (`src/utils.ts`) and `peermetrics/api` (`app/views/stats_view.py`).
//!
//! R1  Rows are `getStats` objects with members of their codec and their track merged in: they are taken apart again, so that names and units
//!     are the W3C's as they were.
//! R2  `bitrate` and `packetRate` are computed by the client, the latter eight times too high, and are left out.
//! R3  `delta` is how long ago the statistics were collected, in milliseconds; it counts where no row has a time.

use serde_json::Value;

use super::envelope::{Named, Output, Report, newest};
use super::stat::{Object, Stat, admit_object, name_of, number, text};
use super::{Counts, Dialect, Error, Limits};

/// R2, and members that hold another object.
const NOT_OF_THE_ROW: [&str; 7] = ["bitrate", "packetRate", "track", "local", "remote", "inbound", "outbound"];
/// R1: members that belong to the codec.
const OF_THE_CODEC: [&str; 3] = ["clockRate", "mimeType", "payloadType"];
/// Members of the peer connection that are put beside those of the candidate pair.
const OF_THE_CONNECTION: [&str; 2] = ["dataChannelsOpened", "dataChannelsClosed"];

/// Reads one body.
pub(super) fn convert(message: &[u8], received_ms: f64, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let body: Value = serde_json::from_slice(message)?;
    let (Value::Object(body), Some(Value::Object(data))) = (&body, body.get("data")) else {
        return Err(Error::Shape { dialect: Dialect::Peermetrics, expected: "an object with `data`" });
    };
    let mut objects = Objects { found: Vec::new(), most: limits.objects, counts: output.counts };
    objects.connection(data.get("connection"));
    objects.media(data);
    if let Some(Value::Object(remote)) = data.get("remote") {
        objects.media(remote);
    }
    let found = objects.found;
    limits.check_objects(found.len())?;
    let collected_ms = received_ms - number(body, "delta").unwrap_or(0.0);
    let connection = name_of(body, "connectionId");
    let named = Named { connection: connection.as_deref(), ..Named::default() };
    output.report(named, &Report::new(&found, newest(&found).unwrap_or(collected_ms)));
    Ok(())
}

struct Objects<'a> {
    found: Vec<Object>,
    /// With more than these the body is refused: no need to look at the rest.
    most: usize,
    counts: &'a mut Counts,
}

impl Objects<'_> {
    fn media(&mut self, data: &Object) {
        for kind in ["audio", "video"] {
            for direction in ["inbound", "outbound"] {
                let rows = data.get(kind).and_then(|rows| rows.get(direction)).and_then(Value::as_array);
                for row in rows.into_iter().flatten().filter_map(Value::as_object) {
                    self.row(row);
                }
            }
        }
    }

    /// R1
    fn row(&mut self, row: &Object) {
        if let Some(codec_id) = text(row, "codecId") {
            let mut codec = Stat::new("codec", codec_id.to_owned(), number(row, "timestamp"));
            codec = codec.text("mimeType", text(row, "mimeType")).text("transportId", text(row, "transportId"));
            for name in ["clockRate", "payloadType"] {
                codec = codec.number(name, number(row, name));
            }
            self.keep(codec.build());
        }
        if let Some(Value::Object(track)) = row.get("track") {
            self.object(track, &[]);
        }
        self.object(row, &OF_THE_CODEC);
    }

    /// The candidate pair with its two candidates.
    fn connection(&mut self, connection: Option<&Value>) {
        let Some(Value::Object(pair)) = connection else { return };
        self.object(pair, &OF_THE_CONNECTION);
        for end in ["local", "remote"] {
            if let Some(Value::Object(candidate)) = pair.get(end) {
                self.object(candidate, &[]);
            }
        }
    }

    /// One object without the members that belong to others. What has no id is a placeholder of the client.
    fn object(&mut self, members: &Object, of_others: &[&str]) {
        let Some(id) = text(members, "id") else { return };
        let is_own = |name: &str| !NOT_OF_THE_ROW.contains(&name) && !of_others.contains(&name);
        let own = members.iter().filter(|(name, _)| is_own(name));
        let own: Object = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(object) = admit_object(id, own, self.counts) {
            self.keep(object);
        }
    }

    /// Objects that several rows refer to come once.
    fn keep(&mut self, object: Object) {
        if self.found.len() <= self.most && !self.found.iter().any(|known| known.get("id") == object.get("id")) {
            self.found.push(object);
        }
    }
}
