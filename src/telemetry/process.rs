//! What this process uses, as Linux tells it in `/proc/self`; on other systems nothing is told.

use std::time::Instant;

use super::{WEBRTC_CPU, WEBRTC_MEMORY};

/// Ticks in a second of the times in `/proc/self/stat`: the kernel gives them in this unit whatever its own is (USER_HZ, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// What was measured last.
#[derive(Default)]
pub(super) struct Process {
    last: Option<(Instant, u64)>,
}

impl Process {
    /// Sets the metrics: CPU time since the last call, memory now.
    pub(super) fn report(&mut self) {
        if let Some(bytes) = resident_memory() {
            metrics::gauge!(WEBRTC_MEMORY.name).set(bytes as f64);
        }
        let Some(ticks) = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_ticks(&stat)) else {
            return;
        };
        let now = Instant::now();
        if let Some((then, before)) = self.last {
            let (seconds, used) = (now.duration_since(then).as_secs_f64(), ticks.saturating_sub(before));
            if seconds > 0.0 {
                metrics::gauge!(WEBRTC_CPU.name).set(100.0 * used as f64 / TICKS_PER_SECOND / seconds);
            }
        }
        self.last = Some((now, ticks));
    }
}

/// User and system time of all threads, the 14th and 15th value of `/proc/self/stat`. The 2nd is the name in parentheses, which may have
/// anything in it.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut times = behind_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some(user + system)
}

/// The line `VmRSS` of Linux (proc(5)), in bytes.
pub(super) fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::{Process, cpu_ticks};

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_told_at_once_and_cpu_from_the_second_time_on() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let mut process = Process::default();
        let mut page = || {
            metrics::with_local_recorder(&recorder, || process.report());
            recorder.handle().render()
        };
        let first = page();
        assert!(first.contains("\nwebrtc_memory_usage_bytes ") && !first.contains("webrtc_cpu"), "{first}");
        assert!(page().contains("\nwebrtc_cpu_usage_percent "));
    }

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 40 1 2 20 0 9 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(290));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }
}
