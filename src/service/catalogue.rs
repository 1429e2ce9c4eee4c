//! Catalogues of entries, from where the topology says that they are: a file is read at the start, a topic is followed by a thread.
//!
//! R1  A catalogue that cannot be followed holds its source back and is tried again for ever; why it fails is told once, and shown.
//! R2  What is left out of a catalogue is counted, and told in the log with its place, at most once a minute.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::message::{BorrowedMessage, Message as _};
use tracing::{error, info, warn};

use super::PlanError;
use crate::bus::{self, Follower, Properties};
use crate::catalogue::{Catalogue, Position, Reject, Rejected};
use crate::stage::SourcePlan;
use crate::telemetry;
use crate::topology::{CatalogueSource, Source, Topology};

/// Between two looks for what is new; less where versions are to count soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// So many looks fit into the time that a version takes to count.
const LOOKS_PER_SETTLING: u32 = 8;
/// Between two times that what no window needs is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// Between two lines in the log about what was left out.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The catalogue of a source: read whole from its file, or one that is yet to be read from its topic.
pub(super) fn of_source(source: &Source) -> Result<Option<Arc<Catalogue>>, PlanError> {
    match &source.catalogue {
        None => Ok(None),
        Some(CatalogueSource::Topic { settle_ms, .. }) => Ok(Some(Arc::new(Catalogue::followed(*settle_ms)))),
        Some(CatalogueSource::File(path)) => Ok(Some(Arc::new(from_file(&source.name, path)?))),
    }
}

fn from_file(source: &str, path: &Path) -> Result<Catalogue, PlanError> {
    let (source_name, file) = (source.to_owned(), path.display().to_string());
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) => return Err(PlanError::CatalogueFile { source_name, file, cause }),
    };
    Catalogue::from_file(bytes).map_err(|cause| PlanError::Catalogue { source_name, file, cause })
}

/// Takes in a record of a catalogue's topic.
pub fn tell_catalogue(catalogue: &Catalogue, message: &BorrowedMessage<'_>) {
    let append_ms = message.timestamp().to_millis().unwrap_or(0);
    let at = Position { append_ms, partition: message.partition(), offset: message.offset() };
    catalogue.tell_record(at, message.key(), message.payload());
}

/// Begins to follow the catalogues of these sources, each on a thread of its own that ends soon after `stop` is set. What is left out of files
/// is told.
pub(super) fn follow_all(
    topology: &Topology,
    plans: &[SourcePlan],
    properties: &Properties,
    stop: &Arc<AtomicBool>,
) -> io::Result<()> {
    for (source, plan) in topology.sources.iter().zip(plans) {
        let Some(catalogue) = plan.catalogue() else { continue };
        let (name, catalogue) = (source.name.clone(), Arc::clone(catalogue));
        let mut feed = Feed { source: name, catalogue, untold: Rejected::new(), told: None, trouble: None };
        let Some(CatalogueSource::Topic { topic, settle_ms }) = &source.catalogue else {
            feed.report();
            continue;
        };
        let pause = Duration::from_millis(settle_ms.unsigned_abs()) / LOOKS_PER_SETTLING;
        let (topic, properties, stop) = (topic.name.clone(), properties.clone(), Arc::clone(stop));
        let follow = move || feed.follow(&topic, &properties, pause.min(LONGEST_PAUSE), &stop);
        // Nobody waits for it: what it holds is in the log.
        drop(thread::Builder::new().name(format!("catalogue-{}", source.name)).spawn(follow)?);
    }
    Ok(())
}

/// What one source knows of its entries, while it is told more.
struct Feed {
    source: String,
    catalogue: Arc<Catalogue>,
    /// What was left out and not told yet.
    untold: Rejected,
    /// When what was left out was told last.
    told: Option<Instant>,
    /// Why it cannot be followed, as it was told last.
    trouble: Option<String>,
}

impl Feed {
    fn follow(&mut self, topic: &str, properties: &Properties, pause: Duration, stop: &AtomicBool) {
        let mut follower = None;
        let mut forgotten = Instant::now();
        let mut is_first = true;
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            match self.catch_up(&mut follower, topic, properties, stop) {
                Ok(false) => break,
                Ok(true) => {
                    self.catalogue.covers(began);
                    self.trouble = None;
                }
                Err(cause) => self.is_troubled(&cause),
            }
            if is_first || forgotten.elapsed() >= FORGET_EVERY {
                self.catalogue.forget();
                forgotten = Instant::now();
            }
            if std::mem::take(&mut is_first) {
                info!(source = self.source, topic, entries = self.catalogue.entries(), "read the catalogue of entries");
            }
            self.report();
            thread::park_timeout(pause);
        }
    }

    fn catch_up(
        &self,
        follower: &mut Option<Follower>,
        topic: &str,
        properties: &Properties,
        stop: &AtomicBool,
    ) -> Result<bool, bus::Error> {
        let follower = match follower {
            Some(follower) => follower,
            None => follower.insert(Follower::new(properties, topic)?),
        };
        follower.catch_up(stop, &mut |message| tell_catalogue(&self.catalogue, message))
    }

    fn is_troubled(&mut self, cause: &bus::Error) {
        let trouble = cause.to_string();
        if self.trouble.as_ref() != Some(&trouble) {
            error!(source = self.source, "the catalogue of entries cannot be read on: {trouble}; trying until it can");
        }
        self.catalogue.is_troubled(trouble.clone());
        self.trouble = Some(trouble);
    }

    /// Shows how it is, and tells what was left out.
    fn report(&mut self) {
        let source = self.source.clone();
        metrics::gauge!(telemetry::CATALOGUE_ENTRIES.name, "source" => source.clone())
            .set(self.catalogue.entries() as f64);
        if let Some(age) = self.catalogue.age(Instant::now()) {
            metrics::gauge!(telemetry::CATALOGUE_AGE.name, "source" => source.clone()).set(age.as_secs_f64());
        }
        for (reason, (count, at)) in self.catalogue.take_rejected() {
            let labels = [("source", source.clone()), ("reason", reason.as_str().to_owned())];
            metrics::counter!(telemetry::CATALOGUE_REJECTED.name, &labels).increment(count);
            let untold = self.untold.entry(reason).or_default();
            *untold = (untold.0 + count, at);
        }
        if !self.untold.is_empty() && self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            std::mem::take(&mut self.untold).into_iter().for_each(|(reason, left_out)| self.tell(reason, left_out));
        }
    }

    fn tell(&self, reason: Reject, (count, at): (u64, Position)) {
        let Position { partition, offset, .. } = at;
        let (source, why) = (&self.source, reason.as_str());
        match reason {
            Reject::Room => error!(
                source,
                count,
                "the catalogue has more entries, or versions of one, than there is room for: these are not known; leave out entries that nobody watches"
            ),
            _ => warn!(
                source,
                reason = why,
                count,
                partition,
                offset,
                "left out of the catalogue; the last of them lies at this offset (in a file: this line)"
            ),
        }
    }
}
