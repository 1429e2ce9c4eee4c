//! Answers given of late, so that what is asked again costs one look: two generations, of which the older is forgotten when the younger is full.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Answers in each generation.
const MOST: usize = 4_096;

/// The answers.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, Arc<V>, RandomState>,
    old: HashMap<K, Arc<V>, RandomState>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { young: HashMap::default(), old: HashMap::default() }
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// The answer to a question, computed when it was not asked of late.
    pub(super) fn get<Q>(&mut self, question: &Q, compute: impl FnOnce() -> V) -> Arc<V>
    where
        K: Borrow<Q> + for<'q> From<&'q Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(answer) = self.young.get(question) {
            return Arc::clone(answer);
        }
        let answer = self.old.remove(question).unwrap_or_else(|| Arc::new(compute()));
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(K::from(question), Arc::clone(&answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_again_is_not_computed_again_and_memory_is_bounded() {
        let mut recent: Recent<String, usize> = Recent::default();
        let mut computed = 0;
        for question in 0..3 * MOST {
            for asked in ["often", &question.to_string()] {
                recent.get(asked, || {
                    computed += 1;
                    asked.len()
                });
            }
            assert!(recent.young.len() + recent.old.len() <= 2 * MOST);
        }
        // Each number once, and what is asked often once.
        assert_eq!(computed, 3 * MOST + 1);
    }
}
