//! The typed parse of one line: a tree of the names that mean something walks the JSON, and everything else is skipped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A member that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Time,
    Status,
    Bytes,
    Edge,
    RequestId,
    Url,
    Query,
    Cache,
    TimeToFirstByte,
    TimeToFirstByteRest,
    TimeTaken,
    TimeTakenRest,
    HeaderObject,
    HeaderRequest,
    HeaderStatus,
    HeaderSession,
}

impl Member {
    const COUNT: usize = 16;
}

/// A value that is not an object or an array.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Scalar<'a> {
    /// Not there, `null`, `""`, `"-"`, or something nested.
    #[default]
    Absent,
    /// A string.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
}

/// The values of one line.
#[derive(Debug, Default)]
pub(super) struct Values<'a> {
    values: [Scalar<'a>; Member::COUNT],
}

impl<'a> Values<'a> {
    /// The value of a member.
    pub(super) fn get(&self, member: Member) -> &Scalar<'a> {
        self.values.get(member as usize).unwrap_or(&Scalar::Absent)
    }

    /// The value of a member that should be text; empty when it is absent or a number.
    pub(super) fn text(&self, member: Member) -> &str {
        match self.get(member) {
            Scalar::Text(text) => text,
            Scalar::Absent | Scalar::Integer(_) | Scalar::Float(_) => "",
        }
    }

    fn set(&mut self, member: Member, value: Scalar<'a>) {
        if let Some(place) = self.values.get_mut(member as usize) {
            *place = value;
        }
    }
}

/// The names that mean something, by level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    branches: Vec<(String, Branch)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Branch {
    /// A value, and what it means: a duration may also be part of another.
    Leaf(Vec<Member>),
    Node(Tree),
}

impl Tree {
    /// Adds a name; dots lead into nested objects.
    pub(super) fn add(&mut self, name: &str, member: Member) -> Result<(), String> {
        let mut tree = self;
        let mut steps = name.split('.').peekable();
        while let Some(step) = steps.next() {
            let is_last = steps.peek().is_none();
            let position = tree.branches.iter().position(|(existing, _)| existing == step).unwrap_or_else(|| {
                let branch = if is_last { Branch::Leaf(Vec::new()) } else { Branch::Node(Self::default()) };
                tree.branches.push((step.to_owned(), branch));
                tree.branches.len() - 1
            });
            match tree.branches.get_mut(position) {
                Some((_, Branch::Leaf(members))) if is_last => {
                    members.push(member);
                    return Ok(());
                }
                Some((_, Branch::Node(node))) if !is_last => tree = node,
                _ => return Err(format!("`{name}` is used both as a value and as what others lie in: rename one")),
            }
        }
        Ok(())
    }

    fn branch(&self, name: &str) -> Option<&Branch> {
        self.branches.iter().find(|(existing, _)| existing == name).map(|(_, branch)| branch)
    }

    /// Reads a line.
    pub(super) fn read<'a>(&self, line: &'a str) -> Result<Values<'a>, serde_json::Error> {
        let mut values = Values::default();
        let mut deserializer = serde_json::Deserializer::from_str(line);
        deserializer.deserialize_map(Level { tree: self, values: &mut values })?;
        deserializer.end()?;
        Ok(values)
    }
}

/// The object at one level of the tree.
struct Level<'t, 'v, 'a> {
    tree: &'t Tree,
    values: &'v mut Values<'a>,
}

impl<'a> DeserializeSeed<'a> for Level<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Level<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(branch) = map.next_key_seed(Name(self.tree))? {
            match branch {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(Branch::Leaf(members)) => {
                    let value = map.next_value_seed(Leaf)?;
                    if let [first, others @ ..] = members.as_slice() {
                        others.iter().for_each(|member| self.values.set(*member, value.clone()));
                        self.values.set(*first, value);
                    }
                }
                Some(Branch::Node(tree)) => map.next_value_seed(Level { tree, values: self.values })?,
            }
        }
        Ok(())
    }

    /// A nested object may be `null` where it has nothing to say.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A name, looked up without being kept.
struct Name<'t>(&'t Tree);

impl<'de, 't> DeserializeSeed<'de> for Name<'t> {
    type Value = Option<&'t Branch>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'_> for Name<'t> {
    type Value = Option<&'t Branch>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.branch(name))
    }
}

/// The value of a member.
struct Leaf;

impl<'a> DeserializeSeed<'a> for Leaf {
    type Value = Scalar<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Scalar<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Leaf {
    type Value = Scalar<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Scalar<'a>, E> {
        Ok(if matches!(text, "" | "-") { Scalar::Absent } else { Scalar::Text(Cow::Borrowed(text)) })
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'a>, E> {
        Ok(if matches!(text, "" | "-") { Scalar::Absent } else { Scalar::Text(Cow::Owned(text.to_owned())) })
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'a>, E> {
        Ok(i64::try_from(number).map_or(Scalar::Absent, Scalar::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Float(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Absent)
    }

    fn visit_unit<E>(self) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Absent)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Scalar<'a>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Scalar<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }
}
