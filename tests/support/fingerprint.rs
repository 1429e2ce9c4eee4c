//! All that simulated records hold, in one number.

use streamgauge::model::hash::stable_hash;
use streamgauge::simulate::SimulatedRecord;

/// The records in one number: all that is in them, in order.
pub(crate) fn fingerprint(records: impl Iterator<Item = SimulatedRecord>) -> u64 {
    let mut hash = 0_u64;
    for record in records {
        let mut all = hash.to_le_bytes().to_vec();
        let headers = record.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let key = record.key.as_deref().unwrap_or(b"no key");
        for part in [record.topic.as_bytes(), key, &record.value].into_iter().chain(headers) {
            all.extend_from_slice(&(part.len() as u64).to_le_bytes());
            all.extend_from_slice(part);
        }
        all.extend_from_slice(&record.append_ms.to_le_bytes());
        all.extend_from_slice(&record.event_ms.to_le_bytes());
        hash = stable_hash(&all);
    }
    hash
}
