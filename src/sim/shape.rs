//! The vocabulary in which `constraints` writes down what AWS's API model says of each input.
//! Data only: what is done with a broken constraint is decided in `validate`.

/// What a JSON value must look like.
#[derive(Debug)]
pub enum Shape {
    /// A string.
    Text(Text),
    /// An integer within bounds, both included.
    Number {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// An array.
    List {
        /// What every element must look like.
        of: &'static Shape,
        /// Fewest elements.
        min: usize,
        /// Most elements.
        max: usize,
    },
    /// A point in time: a number of seconds since 1970.
    Time,
    /// Bytes in base64, counted after decoding. Never logged: an image would fill the log.
    Bytes {
        /// Fewest bytes.
        min: usize,
        /// Most bytes.
        max: usize,
    },
    /// An object.
    Struct(&'static [Member]),
}

/// What a string must look like.
#[derive(Debug)]
pub struct Text {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// The pattern as AWS prints it; empty for none. It has to match the whole string.
    pub pattern: &'static str,
    /// The values of an enumeration; empty for free text.
    pub values: &'static [&'static str],
    /// Must never be logged.
    pub sensitive: bool,
}

/// One member of an object.
#[derive(Debug)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// Whether the model requires it.
    pub required: bool,
    /// What its value must look like.
    pub shape: &'static Shape,
}

/// The model gives no limit; the request body has one.
pub const UNLIMITED: usize = usize::MAX;

/// Text with a length only.
#[must_use]
pub const fn text(min: usize, max: usize) -> Shape {
    matching(min, max, "")
}

/// Text with a length and a pattern.
#[must_use]
pub const fn matching(min: usize, max: usize, pattern: &'static str) -> Shape {
    Shape::Text(Text { min, max, pattern, values: &[], sensitive: false })
}

/// Text that must not be seen in any log.
#[must_use]
pub const fn secret(min: usize, max: usize) -> Shape {
    secret_matching(min, max, "")
}

/// Text with a pattern that must not be seen in any log.
#[must_use]
pub const fn secret_matching(min: usize, max: usize, pattern: &'static str) -> Shape {
    Shape::Text(Text { min, max, pattern, values: &[], sensitive: true })
}

/// One of a fixed set of words.
#[must_use]
pub const fn one_of(values: &'static [&'static str]) -> Shape {
    Shape::Text(Text { min: 0, max: UNLIMITED, pattern: "", values, sensitive: false })
}

/// An array with a number of elements.
#[must_use]
pub const fn list(of: &'static Shape, min: usize, max: usize) -> Shape {
    Shape::List { of, min, max }
}

/// A member that may be absent.
#[must_use]
pub const fn may(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: false, shape }
}

/// A member that must be present.
#[must_use]
pub const fn must(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, required: true, shape }
}
