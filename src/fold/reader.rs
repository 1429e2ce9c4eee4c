//! Reads records without counting them anywhere, for those who only want to know what they are.

use std::sync::Arc;

use super::settings::Decoding;
use crate::decode::{cmcd, kaltura, webrtc};
use crate::model::{EventTime, Reason, Record};

/// What there is to know of an event, of whichever kind.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its own time.
    pub time: Option<EventTime>,
    /// The key on the bus of the session that it belongs to.
    pub session: Option<&'a str>,
}

/// Reads records of one source.
#[derive(Debug)]
pub enum Reader {
    /// Of CMCD.
    Cmcd(Box<cmcd::Decoder>),
    /// Of WebRTC statistics.
    Webrtc(Box<webrtc::Decoder>),
    /// Of Kaltura beacons.
    Kaltura(Box<kaltura::Decoder>),
}

impl Reader {
    /// For a source that is decoded like this.
    pub fn new(decoding: &Decoding) -> Self {
        match decoding {
            Decoding::Cmcd(carriers) => Self::Cmcd(Box::new(cmcd::Decoder::new(Arc::clone(carriers)))),
            Decoding::Webrtc(_) => Self::Webrtc(Box::default()),
            Decoding::Kaltura(_) => Self::Kaltura(Box::default()),
        }
    }

    /// Calls `each` with every event of a record.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn read(&mut self, record: &Record<'_>, each: &mut dyn FnMut(Seen<'_>)) -> Result<(), Reason> {
        match self {
            Self::Cmcd(decoder) => decoder.decode(record, &mut |event| {
                let session = event.keys.sid.as_deref().filter(|sid| !sid.is_empty());
                each(Seen { time: event.time, session });
            }),
            Self::Webrtc(decoder) => decoder.decode(record, &mut |report| {
                let key = report.session_id();
                each(Seen { time: report.time(), session: Some(&key) });
            }),
            Self::Kaltura(decoder) => decoder.decode(record, &mut |beacon| {
                let key = beacon.session_key();
                each(Seen { time: None, session: key.as_deref() });
            }),
        }
    }
}
