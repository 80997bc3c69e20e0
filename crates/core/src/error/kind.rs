//! What can go wrong, and what that means: a status, a name, whether to try again.

/// What went wrong: LiteLLM's exception classes in our words.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is malformed or was refused as such.
    BadRequest,
    /// A parameter that the model's provider is known not to take.
    UnsupportedParams,
    /// The prompt does not fit the model's context window.
    ContextWindow,
    /// A provider's content policy refused the prompt or the answer.
    ContentPolicy,
    /// A file or image named by URL could not be fetched.
    ImageFetch,
    /// A credential is missing or wrong.
    Authentication,
    /// The provider's account is out of credit.
    PaymentRequired,
    /// The credential is right but not allowed to do this.
    PermissionDenied,
    /// No such model, deployment, path or object.
    NotFound,
    /// The path exists but not with this method.
    MethodNotAllowed,
    /// A time limit passed.
    Timeout,
    /// The conflict of a concurrent change.
    Conflict,
    /// The body is larger than the configured limit.
    TooLarge,
    /// Well-formed but not processable.
    Unprocessable,
    /// Too many requests or tokens.
    RateLimit,
    /// The other side failed, or the gateway has a bug.
    Internal,
    /// No connection, or it broke.
    Connection,
    /// The upstream's gateway failed.
    BadGateway,
    /// Overloaded or draining.
    ServiceUnavailable,
    /// The upstream's gateway timed out.
    GatewayTimeout,
    /// A stream broke after its first content.
    MidStream,
    /// The upstream's answer could not be understood.
    InvalidResponse,
}

impl ErrorKind {
    /// The HTTP status a client sees. The one table of the project.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest
            | Self::UnsupportedParams
            | Self::ContextWindow
            | Self::ContentPolicy
            | Self::ImageFetch => 400,
            Self::Authentication => 401,
            Self::PaymentRequired => 402,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Unprocessable => 422,
            Self::RateLimit => 429,
            Self::Internal | Self::Connection | Self::InvalidResponse => 500,
            Self::BadGateway => 502,
            Self::ServiceUnavailable | Self::MidStream => 503,
            Self::GatewayTimeout => 504,
        }
    }

    /// LiteLLM's name of this class, as users know it from its SDK and logs.
    pub const fn class(self) -> &'static str {
        match self {
            Self::BadRequest | Self::MethodNotAllowed | Self::TooLarge | Self::Conflict => "BadRequestError",
            Self::UnsupportedParams => "UnsupportedParamsError",
            Self::ContextWindow => "ContextWindowExceededError",
            Self::ContentPolicy => "ContentPolicyViolationError",
            Self::ImageFetch => "ImageFetchError",
            Self::Authentication => "AuthenticationError",
            Self::PaymentRequired => "PaymentRequiredError",
            Self::PermissionDenied => "PermissionDeniedError",
            Self::NotFound => "NotFoundError",
            Self::Timeout | Self::GatewayTimeout => "Timeout",
            Self::Unprocessable => "UnprocessableEntityError",
            Self::RateLimit => "RateLimitError",
            Self::Internal => "InternalServerError",
            Self::Connection => "APIConnectionError",
            Self::BadGateway => "BadGatewayError",
            Self::ServiceUnavailable => "ServiceUnavailableError",
            Self::MidStream => "MidStreamFallbackError",
            Self::InvalidResponse => "APIResponseValidationError",
        }
    }

    /// The kind an upstream's status stands for when its body says nothing better.
    pub const fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::PaymentRequired,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            408 => Self::Timeout,
            409 => Self::Conflict,
            413 => Self::TooLarge,
            422 => Self::Unprocessable,
            429 => Self::RateLimit,
            400..=499 => Self::BadRequest,
            502 => Self::BadGateway,
            503 | 529 => Self::ServiceUnavailable,
            504 => Self::GatewayTimeout,
            _ => Self::Internal,
        }
    }

    /// What may be tried after such an error, if its maker does not know better.
    pub const fn retry(self) -> Retry {
        match self {
            Self::Timeout
            | Self::Conflict
            | Self::Internal
            | Self::Connection
            | Self::BadGateway
            | Self::ServiceUnavailable
            | Self::GatewayTimeout
            | Self::InvalidResponse => Retry::Same,
            Self::RateLimit
            | Self::Authentication
            | Self::PermissionDenied
            | Self::PaymentRequired
            | Self::NotFound => Retry::Other,
            Self::ContextWindow => Retry::Larger,
            _ => Retry::Never,
        }
    }
}

/// What may be tried next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Retry {
    /// The same request cannot succeed anywhere.
    Never,
    /// The same deployment may answer next time.
    Same,
    /// Another deployment may answer.
    Other,
    /// Only a model with a larger context window may answer.
    Larger,
}
