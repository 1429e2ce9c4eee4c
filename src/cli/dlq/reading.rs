//! Reading the topics of letters: by record, until whoever looks has seen enough.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use rdkafka::message::BorrowedMessage;

use super::letter::Place;
use crate::bus::{self, Admin, Properties, read_topic, read_topic_from};
use crate::cli::dump::dump_record;
use crate::replay::dump::DumpRecord;

/// The topics on the bus, with their partitions; asked for before anything is read, because that question is answered in clear words.
///
/// # Errors
/// When no broker answers, or `topic` is not among them.
pub(super) fn topics_with(properties: &Properties, topic: &str) -> Result<BTreeMap<String, i32>, bus::Error> {
    let present = Admin::new(properties)?.partitions()?;
    match present.contains_key(topic) {
        true => Ok(present),
        false => Err(bus::Error::NoTopic { topic: topic.to_owned() }),
    }
}

/// What is to be read.
pub(super) struct Reading<'a> {
    pub(super) properties: &'a Properties,
    pub(super) topic: &'a str,
    /// Only this partition, from this offset on; `None` = all there is.
    pub(super) from: Option<Place>,
}

impl Reading<'_> {
    /// Calls `each` with every record, partition by partition in order of offset, until it breaks or fails.
    pub(super) fn visit(
        &self,
        each: &mut dyn FnMut(DumpRecord) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        let mut ended: Option<anyhow::Result<()>> = None;
        let mut one = |message: &BorrowedMessage<'_>| {
            ended = match each(dump_record(message)) {
                Ok(ControlFlow::Continue(())) => return Ok(()),
                Ok(ControlFlow::Break(())) => Some(Ok(())),
                Err(cause) => Some(Err(cause)),
            };
            // Only ends the reading: what it was for is in `ended`.
            Err(io::Error::from(io::ErrorKind::Interrupted))
        };
        let read: Result<u64, bus::Error> = match self.from {
            None => read_topic(self.properties, self.topic, &mut one),
            Some(Place { partition, offset }) => {
                read_topic_from(self.properties, self.topic, (partition, offset), &mut one)
            }
        };
        match ended {
            Some(outcome) => outcome,
            None => Ok(read.map(drop)?),
        }
    }
}
