//! Reads sections of merged layers key by key, noting what is wrong instead of stopping at it.
//!
//! R1  Whatever is wrong is noted with its key and origin; the reader goes on with the default.
//! R2  The valid keys are those that were asked for: no list of names is kept beside the code that reads them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use figment::Figment;
use figment::value::{Dict, Tag, Value};

use super::layers::{PREFIX, file_of};
use super::problem::{Origin, Problem, list_of, nearest};
use super::secret::Secret;

/// Merged layers, and what was found wrong with them so far.
pub(crate) struct Reader {
    figment: Figment,
    variables: BTreeMap<String, String>,
    known: RefCell<BTreeSet<String>>,
    unknown: RefCell<Vec<Unknown>>,
    problems: RefCell<Vec<Problem>>,
}

/// A key that nobody asked for; judged once all valid names are known.
struct Unknown {
    key: String,
    shape: String,
    origin: Origin,
}

impl Reader {
    /// `variables` gives the name of the environment variable behind a key.
    pub(crate) fn new(figment: Figment, variables: BTreeMap<String, String>) -> Self {
        Self {
            figment,
            variables,
            known: RefCell::default(),
            unknown: RefCell::default(),
            problems: RefCell::default(),
        }
    }

    /// The outermost section.
    pub(crate) fn root(&self) -> Section<'_> {
        let values = self.figment.find_value("").ok().and_then(Value::into_dict).unwrap_or_default();
        Section { reader: self, path: String::new(), shape: String::new(), values }
    }

    /// Notes a problem that a section cannot see.
    pub(crate) fn note(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// All that was noted, unknown keys last.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let known = self.known.into_inner();
        let mut problems = self.problems.into_inner();
        for unknown in self.unknown.into_inner() {
            let advice = advice_for(&unknown, &known);
            problems.push(Problem::UnknownKey { key: unknown.key, origin: unknown.origin, advice });
        }
        problems
    }

    fn origin(&self, tag: Tag, path: &str) -> Origin {
        match self.figment.get_metadata(tag) {
            Some(metadata) if file_of(metadata).is_some() => Origin::File(metadata.name.to_string()),
            _ => Origin::Variable(self.variable_behind(path)),
        }
    }

    /// The variable that set `path`, or something below it.
    fn variable_behind(&self, path: &str) -> String {
        let below = format!("{path}.");
        let set = |key: &&String| *key == path || key.starts_with(&below);
        let key = self.variables.keys().find(set);
        key.and_then(|key| self.variables.get(key)).cloned().unwrap_or_else(|| variable_for(path))
    }
}

/// The variable that sets the key `path`.
pub(crate) fn variable_for(path: &str) -> String {
    format!("{PREFIX}{}", path.to_uppercase().replace('.', "__"))
}

/// Names the key that was probably meant: one with `_` where `.` belongs, a neighbour that is nearly alike, or the same name elsewhere.
fn advice_for(unknown: &Unknown, known: &BTreeSet<String>) -> String {
    let (section, name) = split(&unknown.shape);
    let siblings: Vec<&str> =
        known.iter().map(|path| split(path)).filter(|at| at.0 == section).map(|at| at.1).collect();
    let whole = unknown.shape.replace('.', "_");
    let by_whole = || known.iter().find(|path| path.replace('.', "_") == whole).cloned();
    let by_sibling = || nearest(name, siblings.iter().copied()).map(|sibling| joined(section, sibling));
    let elsewhere = || known.iter().find(|path| split(path).1 == name).cloned();
    let in_variables = matches!(unknown.origin, Origin::Variable(_));
    match by_whole().or_else(by_sibling).or_else(elsewhere) {
        Some(path) if in_variables => format!("did you mean `{}`?", variable_for(&path)),
        Some(path) => format!("did you mean `{path}`?"),
        None => format!("valid here: {}", list_of(siblings)),
    }
}

/// The section and the last name of a path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// A table of keys. Each is read once, by its type; [`Section::finish`] reports what is left.
pub(crate) struct Section<'r> {
    reader: &'r Reader,
    /// How messages name it, with the item of a list where there is one.
    path: String,
    /// The same without items: what valid names look like.
    shape: String,
    values: Dict,
}

impl<'r> Section<'r> {
    /// The full name of a key of this section.
    pub(crate) fn key(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    /// Renames the section in messages, once its own name is known.
    pub(crate) fn call(&mut self, path: String) {
        self.path = path;
    }

    /// Whether the key is set and was not read yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The folder of the file that `value` comes from: what paths in it are relative to.
    fn folder_of(&self, value: &Value) -> Option<PathBuf> {
        let metadata = self.reader.figment.get_metadata(value.tag())?;
        Some(file_of(metadata)?.parent()?.to_path_buf())
    }

    /// The folder of the file that this section comes from; empty when it comes from none.
    pub(crate) fn folder(&self) -> PathBuf {
        self.values.values().find_map(|value| self.folder_of(value)).unwrap_or_default()
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.reader.known.borrow_mut().insert(joined(&self.shape, key));
        self.values.remove(key)
    }

    fn origin(&self, key: &str, value: &Value) -> Origin {
        self.reader.origin(value.tag(), &self.key(key))
    }

    fn reject(&self, key: &str, value: &Value, expected: impl Into<String>) {
        let problem = Problem::Value {
            key: self.key(key),
            origin: self.origin(key, value),
            found: describe(value),
            expected: expected.into(),
        };
        self.reader.note(problem);
    }

    /// Text that is not empty.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.take(key)?;
        match &value {
            Value::String(_, text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => {
                self.reject(key, &value, "text");
                None
            }
        }
    }

    /// A whole number within `range`; from a variable also as text.
    pub(crate) fn number(&mut self, key: &str, range: RangeInclusive<i64>, default: i64) -> i64 {
        let Some(value) = self.take(key) else { return default };
        let number = match (&value, self.origin(key, &value)) {
            (Value::String(_, text), Origin::Variable(_)) => text.trim().parse().ok(),
            _ => value.to_i128().or_else(|| value.to_u128().and_then(|number| number.try_into().ok())),
        };
        match number.and_then(|number: i128| i64::try_from(number).ok()).filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                self.reject(key, &value, format!("a whole number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    /// A number within `range`, with a fraction or without; from a variable also as text.
    pub(crate) fn decimal(&mut self, key: &str, range: RangeInclusive<f64>, default: f64) -> f64 {
        let Some(value) = self.take(key) else { return default };
        let number = match (&value, self.origin(key, &value)) {
            (Value::String(_, text), Origin::Variable(_)) => text.trim().parse().ok(),
            _ => value.to_f64().or_else(|| value.to_i128().map(|number| number as f64)),
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => number,
            None => {
                self.reject(key, &value, format!("a number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    /// True or false; from a variable also as text.
    pub(crate) fn switch(&mut self, key: &str, default: bool) -> bool {
        let Some(value) = self.take(key) else { return default };
        let from_variable = matches!(self.origin(key, &value), Origin::Variable(_));
        match &value {
            Value::Bool(_, on) => *on,
            Value::String(_, text) if from_variable && text == "true" => true,
            Value::String(_, text) if from_variable && text == "false" => false,
            _ => {
                self.reject(key, &value, "true or false");
                default
            }
        }
    }

    /// One of `choices` by name.
    pub(crate) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.take(key)?;
        let chosen = value.as_str().and_then(|text| find_choice(text, choices));
        if chosen.is_none() {
            self.reject(key, &value, one_of(choices));
        }
        chosen
    }

    /// A list of texts; from a variable with commas between.
    pub(crate) fn list(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.take(key)?;
        let from_variable = matches!(self.origin(key, &value), Origin::Variable(_));
        let items: Option<Vec<String>> = match &value {
            Value::String(_, text) if from_variable => {
                Some(text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
            }
            Value::Array(_, items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if items.is_none() {
            self.reject(key, &value, "a list of texts");
        }
        items
    }

    /// A list of `choices` by name, each at most once.
    pub(crate) fn choices<T: Copy + PartialEq>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<Vec<T>> {
        let value = self.values.get(key).cloned()?;
        let mut chosen = Vec::new();
        for name in self.list(key)? {
            match find_choice(&name, choices) {
                Some(choice) if !chosen.contains(&choice) => chosen.push(choice),
                Some(_) => self.reject(key, &value, format!("a list that names `{name}` once")),
                None => self.reject(key, &value, format!("a list of {}", one_of(choices))),
            }
        }
        if chosen.is_empty() {
            self.reject(key, &value, format!("a list with at least one of {}", one_of(choices)));
        }
        Some(chosen)
    }

    /// A path; one that comes from a file is relative to the folder of that file.
    pub(crate) fn path(&mut self, key: &str) -> Option<PathBuf> {
        let folder = self.values.get(key).and_then(|value| self.folder_of(value));
        let path = PathBuf::from(self.text(key)?);
        Some(folder.map_or_else(|| path.clone(), |folder| folder.join(&path)))
    }

    /// A secret: given as `key`, or as a file by `key` + `_file`, whose text counts without white space at its end; never both.
    pub(crate) fn secret(&mut self, key: &str) -> Option<Secret> {
        let file_key = format!("{key}_file");
        let file = self.path(&file_key);
        let Some(value) = self.take(key) else {
            return self.secret_file(&file_key, &file?);
        };
        if file.is_some() {
            let conflict = format!("and `{}` are both set: keep one of them", self.key(&file_key));
            self.reader.note(Problem::contradiction(self.key(key), conflict));
        }
        match &value {
            Value::String(_, text) if !text.is_empty() => Some(Secret::new(text.as_str())),
            _ => {
                let (key, origin) = (self.key(key), self.origin(key, &value));
                let found = "not text, or empty".to_owned();
                self.reader.note(Problem::Value {
                    key,
                    origin,
                    found,
                    expected: "the secret as text in quotes".to_owned(),
                });
                None
            }
        }
    }

    fn secret_file(&self, key: &str, path: &std::path::Path) -> Option<Secret> {
        let unreadable = |cause: String| {
            self.reader.note(Problem::Unreadable {
                path: path.display().to_string(),
                named_by: Some(self.key(key)),
                cause,
            });
        };
        match std::fs::read_to_string(path) {
            Ok(text) if text.trim_end().is_empty() => {
                unreadable("the file is empty".to_owned());
                None
            }
            Ok(text) => Some(Secret::new(text.trim_end())),
            Err(cause) => {
                unreadable(cause.to_string());
                None
            }
        }
    }

    /// The section of that name; empty when it is absent.
    pub(crate) fn section(&mut self, key: &str) -> Section<'r> {
        let (path, shape) = (self.key(key), joined(&self.shape, key));
        let values = match self.take(key) {
            Some(Value::Dict(_, values)) => values,
            Some(other) => {
                self.reject(key, &other, format!("a section: keys below `{path}`"));
                Dict::new()
            }
            None => Dict::new(),
        };
        Section { reader: self.reader, path, shape, values }
    }

    /// The sections of a list of tables, in order.
    pub(crate) fn sections(&mut self, key: &str) -> Vec<Section<'r>> {
        let shape = joined(&self.shape, key);
        let Some(value) = self.take(key) else { return Vec::new() };
        let tables: Option<Vec<Dict>> =
            value.clone().into_array().and_then(|items| items.into_iter().map(Value::into_dict).collect());
        let Some(tables) = tables else {
            self.reject(key, &value, format!("a list of tables: [[{shape}]]"));
            return Vec::new();
        };
        let numbered = tables.into_iter().enumerate();
        let section = |(index, values): (usize, Dict)| {
            let path = joined(&self.path, &format!("{key}[{index}]"));
            Section { reader: self.reader, path, shape: shape.clone(), values }
        };
        numbered.map(section).collect()
    }

    /// Every key with its value as text, for names that are not ours. Values are secrets until the caller knows better.
    pub(crate) fn all_as_text(mut self) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (name, value) in std::mem::take(&mut self.values) {
            match scalar_text(&value) {
                Some(text) => {
                    texts.insert(name, text);
                }
                None => {
                    let (key, origin) = (self.key(&name), self.origin(&name, &value));
                    let (found, expected) = ("a list".to_owned(), "text, a number, true or false".to_owned());
                    self.reader.note(Problem::Value { key, origin, found, expected });
                }
            }
        }
        texts
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        for (name, value) in &self.values {
            let unknown =
                Unknown { key: self.key(name), shape: joined(&self.shape, name), origin: self.origin(name, value) };
            self.reader.unknown.borrow_mut().push(unknown);
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn find_choice<T: Copy>(name: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(choice, _)| *choice == name).map(|(_, value)| *value)
}

fn one_of<T>(choices: &[(&str, T)]) -> String {
    list_of(choices.iter().map(|(name, _)| *name)).replace(", ", " or ")
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Bool(_, on) => Some(on.to_string()),
        Value::Num(..) => {
            let whole = value.to_i128().map(|number| number.to_string());
            whole.or_else(|| value.to_f64().map(|number| number.to_string()))
        }
        _ => None,
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::String(_, text) if text.trim().is_empty() => "empty".to_owned(),
        Value::String(_, text) => format!("\"{text}\""),
        Value::Array(_, items) => format!("[{}]", items.iter().map(describe).collect::<Vec<_>>().join(", ")),
        Value::Dict(..) => "a section".to_owned(),
        other => scalar_text(other).unwrap_or_else(|| "nothing".to_owned()),
    }
}
