//! A stream on its way to the client: pumped, kept alive, settled when it ends.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use lockgate_core::{
    Error, ErrorKind, Origin,
    transcode::{Report, Stream},
};
use lockgate_transport::UpstreamBody;

use crate::{attempt::Progress, keepalive::Keepalive, mask::Mask, meter::Meter};

/// A stream whose first bytes are here.
pub(crate) struct Opened {
    pub(crate) upstream: UpstreamBody,
    pub(crate) stream: Stream,
    pub(crate) first: Bytes,
    pub(crate) done: bool,
    /// Not events: nothing of the gateway's own may stand in it.
    pub(crate) sound: bool,
    pub(crate) mask: Mask,
}

/// A stream on its way to the client, with the meter that settles when it ends.
pub(crate) struct StreamBody {
    upstream: Option<UpstreamBody>,
    stream: Stream,
    first: Bytes,
    meter: Meter,
    keepalive: Keepalive,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    mask: Mask,
    sound: bool,
    /// Ended before its time, in a way that can only be told by breaking the connection off.
    broken: bool,
}

impl StreamBody {
    pub(crate) fn new(opened: Opened, meter: Meter, progress: &Progress) -> Self {
        let Opened { upstream, stream, first, done, sound, mask } = opened;
        let interval = progress.live.keepalive().filter(|_| !sound);
        let mut body = Self {
            upstream: Some(upstream),
            stream,
            first,
            meter,
            keepalive: Keepalive::new(&progress.call, interval),
            cut: progress.gateway.cut(),
            mask,
            sound,
            broken: false,
        };
        if done {
            body.end(None);
        }
        body
    }

    /// The next bytes for the client; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let bytes = ready!(self.poll_bytes(context));
        Poll::Ready(bytes.map(|bytes| self.mask.clean(bytes)))
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            return self.give(first);
        }
        loop {
            let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
            match upstream.poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match self.stream.push(frame) {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => return self.give(bytes),
                    Err(error) => return self.fail(&error),
                },
                Poll::Ready(Some(Err(error))) => return self.fail(&error),
                Poll::Ready(None) => return self.finish(),
                // A translated stream that is complete need not wait for the upstream to hang up.
                Poll::Pending if self.stream.ended() => return self.finish(),
                Poll::Pending if self.cut.as_mut().poll(context).is_ready() => return self.fail(&draining()),
                Poll::Pending => return Poll::Ready(Some(ready!(self.keepalive.poll(context)))),
            }
        }
    }

    fn give(&mut self, bytes: Bytes) -> Poll<Option<Bytes>> {
        self.meter.first_byte();
        self.keepalive.saw(&bytes);
        Poll::Ready(Some(bytes))
    }

    fn finish(&mut self) -> Poll<Option<Bytes>> {
        if self.stream.ended() {
            self.end(None);
            return Poll::Ready(None);
        }
        match self.stream.finish() {
            Ok(rest) => {
                self.end(None);
                if rest.is_empty() { Poll::Ready(None) } else { Poll::Ready(Some(rest)) }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// What the call costs is settled elsewhere.
    pub(crate) fn waive(&mut self) {
        self.meter.waive();
    }

    /// Whether the client must learn that the end that it sees is none.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    fn fail(&mut self, error: &Error) -> Poll<Option<Bytes>> {
        if self.sound {
            self.broken = true;
            self.end(Some(error));
            return Poll::Ready(None);
        }
        let told = self.stream.fail(&error.clone().without_peer(self.meter.provider()));
        self.end(Some(error));
        if told.is_empty() { Poll::Ready(None) } else { Poll::Ready(Some(told)) }
    }

    fn end(&mut self, error: Option<&Error>) {
        self.upstream = None;
        let Report { usage, chunks, error: own, .. } = self.stream.report();
        self.meter.settle_stream(usage, chunks, error.or(own.as_ref()));
    }
}

/// The client is gone: what has been consumed is settled, and dropping the upstream closes it.
impl Drop for StreamBody {
    fn drop(&mut self) {
        if self.upstream.is_some() {
            let report = self.stream.report();
            self.meter.cancelled(report.usage, report.chunks);
        }
    }
}

fn draining() -> Error {
    Error::new(
        ErrorKind::ServiceUnavailable,
        Origin::Gateway,
        "The gateway is shutting down and the stream did not end within the drain limit.",
    )
}
