//! What every target does: decode one value, and check what must hold whatever it was.

use std::sync::Arc;

use streamgauge::decode::cmcd::{Carrier, Carriers, Decoder};
use streamgauge::model::cmcd::{Event, Keys};
use streamgauge::model::{Headers, Record};

/// Decodes `value` twice with one decoder: no panic, the same outcome, no event with an error, no value out of its bounds.
pub fn decode(carrier: Carrier, value: &[u8]) {
    let carriers = Carriers::fixed(carrier).with_json_bodies(true);
    let mut decoder = Decoder::new(Arc::new(carriers));
    let record = Record { offset: 0, append_ms: 0, key: None, value, headers: Headers::default() };
    let mut first = Vec::new();
    let outcome = decoder.decode(&record, &mut |event: &Event<'_>| {
        check(&event.keys);
        first.push(format!("{event:?}"));
    });
    assert!(outcome.is_ok() || first.is_empty(), "events of a record that is a dead letter");
    let mut second = Vec::new();
    let again = decoder.decode(&record, &mut |event: &Event<'_>| second.push(format!("{event:?}")));
    assert_eq!((outcome, first), (again, second), "the decoder remembers something");
}

fn check(keys: &Keys<'_>) {
    let lists = [
        &keys.ab, &keys.bl, &keys.br, &keys.bsa, &keys.bsd, &keys.bsda, &keys.lab, &keys.lb, &keys.mtp, &keys.pb, &keys.tab,
        &keys.tb, &keys.tbl, &keys.tpb,
    ];
    for list in lists {
        assert!(list.len() <= 64 && list.iter().all(|member| member.value >= 0));
    }
    for (id, most) in [(&keys.sid, 64), (&keys.cid, 128), (&keys.h, 128), (&keys.cen, 64)] {
        if let Some(id) = id {
            assert!(!id.is_empty() && id.chars().count() <= most && !id.contains(char::is_control));
        }
    }
    assert!(keys.v.is_none_or(|version| matches!(version, 1 | 2)));
}
