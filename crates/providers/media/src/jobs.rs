//! Jobs: what is made takes its time, and is asked for until it is there.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use lockgate_core::{Error, ErrorKind, Exchange, Origin, Payload, Result, Retry, Step};

/// How long the first wait is; each is half as long again as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What follows an answer of a job.
pub(crate) enum Next {
    /// Ask there again after a while.
    Ask(Request<Payload>),
    /// Something else.
    Step(Step),
}

/// One API's jobs.
pub(crate) trait Job: Send {
    /// What comes after this answer.
    ///
    /// # Errors
    /// The job failed, or the answer cannot be understood.
    fn next(&mut self, body: &Bytes) -> Result<Next>;

    /// Whether all is done but to tidy up.
    fn is_over(&self) -> bool {
        false
    }
}

/// A job that is asked for again and again.
pub(crate) struct Asking<J> {
    job: J,
    wait: Duration,
}

impl<J: Job> Asking<J> {
    pub(crate) fn new(job: J) -> Self {
        Self { job, wait: FIRST_WAIT }
    }
}

impl<J: Job> Exchange for Asking<J> {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step> {
        match self.job.next(body)? {
            Next::Step(step) => Ok(step),
            Next::Ask(request) => {
                let after = self.wait;
                self.wait = (self.wait * 3 / 2).min(LONGEST_WAIT);
                Ok(Step::Send { request, after })
            }
        }
    }

    fn goes_on(&self) -> bool {
        self.job.is_over()
    }
}

/// A request without a body.
///
/// # Errors
/// The URL is none.
pub(crate) fn bare(method: Method, url: &str) -> Result<Request<Payload>> {
    let request = Request::builder().method(method).uri(url).body(Payload::new());
    request.map_err(|_| Error::invalid_response("The provider's answer leads to a URL that is none."))
}

/// A request with a JSON body.
///
/// # Errors
/// The URL is none.
pub(crate) fn post(url: &str, body: String) -> Result<Request<Payload>> {
    let mut request = bare(Method::POST, url)?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *request.body_mut() = body.into();
    Ok(request)
}

/// Whether a name can stand in a path as it is.
pub(crate) fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && id != ".."
}

/// A job that failed: another provider's may not.
pub(crate) fn failed(said: &str) -> Error {
    let said = if said.is_empty() { "no reason was given" } else { said };
    let message = format!("The provider's job failed: {said}");
    Error::new(ErrorKind::Unprocessable, Origin::Upstream, message).with_retry(Retry::Other)
}
