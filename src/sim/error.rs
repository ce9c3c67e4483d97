//! What the simulated service answers when it refuses: AWS's codes and texts.
//! How such an answer looks on the wire is decided in `wire`.

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// AWS's error code.
    pub code: String,
    /// The text; some refusals have none.
    pub message: Option<String>,
    /// The resource that is missing or exists, and its type.
    pub resource: Option<(String, String)>,
    /// Seconds, as a throttled answer carries them: a string.
    pub retry_after: Option<String>,
}

impl ApiError {
    /// A refusal with a code and a text.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: Some(message.into()), resource: None, retry_after: None }
    }

    /// `InvalidRequestException`: the request has the right shape and makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    /// A quota of the account or of a resource is used up; AWS has no code of its own for it.
    #[must_use]
    pub fn quota(name: &str, limit: usize) -> Self {
        Self::invalid(format!("Cannot exceed quota for {name}: {limit}"))
    }

    /// `ResourceNotFoundException`.
    #[must_use]
    pub fn not_found(message: &str, resource: &str, kind: &str) -> Self {
        Self::about("ResourceNotFoundException", message, resource, kind)
    }

    /// `ResourceExistsException`.
    #[must_use]
    pub fn exists(message: &str, resource: &str, kind: &str) -> Self {
        Self::about("ResourceExistsException", message, resource, kind)
    }

    /// The server that every other check presupposes is not there.
    #[must_use]
    pub fn unknown_server(id: &str) -> Self {
        Self::not_found("Unknown server", id, "Server")
    }

    /// The server has no host key of this id.
    #[must_use]
    pub fn unknown_host_key(id: &str) -> Self {
        Self::not_found("Unknown host key", id, "HostKey")
    }

    fn about(code: &str, message: &str, resource: &str, kind: &str) -> Self {
        Self { resource: Some((resource.to_owned(), kind.to_owned())), ..Self::new(code, message) }
    }
}

/// What any operation comes to.
pub type Answer<T> = Result<T, ApiError>;
