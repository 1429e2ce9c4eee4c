//! Several `streamgauge run` of one group, and how far they have come together.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{PLACES, say};
use crate::support::{Streamgauge, block_on, eventually, free_ports};

/// How long a process may take to stop: what is closed has 15 s to be written.
const STOPPING: Duration = Duration::from_secs(60);
/// A process that takes longer would not be waited for by most who run it: what it logged is shown.
const SLOW_STOP: Duration = Duration::from_secs(25);
/// How long the processes have to catch up.
const PATIENCE: Duration = Duration::from_secs(240);

/// A topic, a source and a partition.
pub type Place = (String, String, i64);

/// Processes by the name that they have among their group.
pub struct Fleet {
    environment: Vec<(String, String)>,
    members: BTreeMap<String, Member>,
    /// What those had logged that have ended, for a test that fails.
    ended: Vec<(String, String)>,
}

struct Member {
    process: Streamgauge,
    listen: String,
    is_halted: bool,
}

impl Fleet {
    /// None yet; each will have this environment.
    pub fn new(environment: Vec<(String, String)>) -> Self {
        Self { environment, members: BTreeMap::new(), ended: Vec::new() }
    }

    /// Starts a process; its name is its slot, which a successor may take.
    pub fn start(&mut self, name: &str) {
        let listen = format!("127.0.0.1:{}", free_ports(1));
        let mut environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        environment.extend([("STREAMGAUGE_WORKERS__INSTANCE", name), ("STREAMGAUGE_HTTP__LISTEN", &listen)]);
        let process = Streamgauge::spawn(&["run"], &environment);
        let before = self.members.insert(name.to_owned(), Member { process, listen, is_halted: false });
        assert!(before.is_none(), "{name} was running already");
    }

    /// Ends a process as a lost machine would (SIGKILL).
    pub fn kill_nine(&mut self, name: &str) {
        let mut member = self.take(name);
        member.process.kill_nine();
        self.ended.push((name.to_owned(), member.process.stderr()));
    }

    /// Ends a process as an operator would (SIGTERM).
    pub fn stop(&mut self, name: &str) {
        let mut member = self.take(name);
        let began = Instant::now();
        let status: ExitStatus = member.process.stop(STOPPING);
        if began.elapsed() > SLOW_STOP {
            say(&format!("{name} took {:?} to stop; it had said:\n{}", began.elapsed(), member.process.stderr()));
        }
        self.ended.push((name.to_owned(), member.process.stderr()));
        assert!(status.success(), "{name} ended with {status}");
    }

    /// Ends all processes as an operator would, one after the other.
    pub fn stop_all(&mut self) {
        for name in self.names() {
            self.stop(&name);
        }
    }

    /// Halts a process (SIGSTOP) until [`Self::resume`].
    pub fn halt(&mut self, name: &str) {
        let member = self.member(name);
        member.process.halt();
        member.is_halted = true;
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&mut self, name: &str) {
        let member = self.member(name);
        member.process.resume();
        member.is_halted = false;
    }

    /// The names of those that run, in order.
    pub fn names(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// What a process has logged.
    pub fn said(&mut self, name: &str) -> String {
        self.member(name).process.stderr()
    }

    /// The frontier of each place that some process has, as those see it that answer.
    pub fn frontiers(&self) -> BTreeMap<Place, i64> {
        let mut frontiers = BTreeMap::new();
        for member in self.members.values().filter(|member| !member.is_halted) {
            for (place, frontier_ms) in member.frontiers() {
                let known = frontiers.entry(place).or_insert(frontier_ms);
                *known = frontier_ms.max(*known);
            }
        }
        frontiers
    }

    /// Whether every process has partitions.
    pub fn all_have_places(&self) -> bool {
        self.members.values().all(|member| !member.frontiers().is_empty())
    }

    /// The sum of a counter over the processes that answer, all its series together.
    pub fn counted(&self, metric: &str) -> f64 {
        let mut sum = 0.0;
        for member in self.members.values().filter(|member| !member.is_halted) {
            let page = member.page("/metrics").unwrap_or_default();
            let ours = page.lines().filter(|line| line.starts_with(metric));
            sum += ours.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>();
        }
        sum
    }

    /// Waits until the processes that answer have brought every place further than it was `before`; says how long that took.
    pub fn await_past(&self, before: &BTreeMap<Place, i64>) -> Duration {
        let began = Instant::now();
        self.await_frontiers("every frontier has moved", |place, frontier_ms| before.get(place) < Some(&frontier_ms));
        began.elapsed()
    }

    /// Waits until every place has come at least to `target_ms`.
    pub fn await_target(&self, target_ms: i64) {
        let awaited = format!("every frontier is at {target_ms}");
        self.await_frontiers(&awaited, |_, frontier_ms| frontier_ms >= target_ms);
    }

    fn await_frontiers(&self, awaited: &str, is_there: impl Fn(&Place, i64) -> bool) {
        let began = Instant::now();
        eventually(PATIENCE * 2, awaited, || {
            let frontiers = self.frontiers();
            let there = frontiers.iter().filter(|(place, frontier_ms)| is_there(place, **frontier_ms)).count();
            assert!(there >= PLACES || began.elapsed() < PATIENCE, "not yet: {awaited}; they are {frontiers:#?}");
            there >= PLACES
        });
    }

    fn take(&mut self, name: &str) -> Member {
        self.members.remove(name).unwrap_or_else(|| panic!("{name} does not run"))
    }

    fn member(&mut self, name: &str) -> &mut Member {
        self.members.get_mut(name).unwrap_or_else(|| panic!("{name} does not run"))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, said) in &self.ended {
                eprintln!("{name} had said, before it ended:\n{said}");
            }
        }
    }
}

impl Member {
    fn frontiers(&self) -> Vec<(Place, i64)> {
        let page = self.page("/state").unwrap_or_default();
        let state: Value = serde_json::from_str(&page).unwrap_or_default();
        let workers = state["workers"].as_array().cloned().unwrap_or_default();
        let partitions = workers.iter().filter_map(|worker| worker["partitions"].as_array()).flatten();
        let frontiers = partitions.filter_map(|partition| {
            let text = |key: &str| partition[key].as_str().map(str::to_owned);
            let place = (text("topic")?, text("source")?, partition["partition"].as_i64()?);
            Some((place, partition["frontier_ms"].as_i64()?))
        });
        frontiers.collect()
    }

    /// A page, if the process answers.
    fn page(&self, path: &str) -> Option<String> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().unwrap();
        block_on(async { client.get(format!("http://{}{path}", self.listen)).send().await.ok()?.text().await.ok() })
    }
}
