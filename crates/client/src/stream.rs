use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use futures_core::Stream;
use lockgate_core::{Error, Event, Result, Usage};

use crate::{
    Answer, Meta,
    client::Inner,
    collect::Collector,
    drive::{self, Course, Source},
};

/// An answer while it comes: a [`Stream`] of typed events. Dropping it closes the connection to the provider.
#[must_use = "a stream is read by polling it"]
pub struct ChatStream {
    client: Arc<Inner>,
    course: Course,
    /// `None` when nothing more is read.
    source: Option<Source>,
    waiting: VecDeque<Event>,
    collector: Collector,
}

/// The text of an answer while it comes; everything else is left out.
#[must_use = "a stream is read by polling it"]
pub struct TextStream(ChatStream);

impl ChatStream {
    pub(crate) fn new(
        client: Arc<Inner>,
        course: Course,
        source: Option<Source>,
        events: Vec<Event>,
    ) -> Self {
        Self { client, course, source, waiting: events.into(), collector: Collector::default() }
    }

    /// The next event; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Only the text of the first choice.
    pub fn text(self) -> TextStream {
        TextStream(self)
    }

    /// Reads to the end and puts the whole answer together.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn collect(mut self) -> Result<Answer> {
        while let Some(event) = self.next().await {
            event?;
        }
        let meta = self.meta();
        Ok(Answer { reply: self.collector.finish(), meta })
    }

    /// How the answer was come by, and what it has cost so far. Complete at the end of the stream; before, and where
    /// the provider says nothing, consumption is counted here.
    pub fn meta(&self) -> Meta {
        let usage = match self.collector.usage() {
            Some(usage) => usage.clone(),
            None => self.estimate(),
        };
        self.course.meta(usage)
    }

    fn estimate(&self) -> Usage {
        drive::estimate(&self.course.call, &self.course.deployment.target.model, &self.collector.said())
    }

    /// Takes what upstream has, if it has something.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(source) = &mut self.source else { return Poll::Ready(()) };
        let mut events = Vec::new();
        let read = match ready!(source.upstream.poll_frame(cx)) {
            Some(Ok(frame)) => source.decoder.feed(&frame, &mut events),
            Some(Err(error)) => Err(error),
            None => {
                let finished = source.decoder.finish(&mut events);
                self.source = None;
                finished
            }
        };
        self.waiting.extend(events);
        if let Err(error) = read {
            self.waiting.push_back(Event::Failure(error));
        }
        Poll::Ready(())
    }

    /// The answer is whole. Looks once for the end of the body, so that the connection can be used again.
    fn complete(&mut self, cx: &mut Context<'_>) {
        if let Some(source) = &mut self.source {
            let _ = source.upstream.poll_frame(cx);
        }
        self.source = None;
        self.waiting.clear();
    }

    fn fail(&mut self, error: Error) -> Error {
        self.source = None;
        self.waiting.clear();
        let (client, course) = (&self.client, &self.course);
        client.health.failed(&course.deployment, &course.group, &error, &client.policy, Instant::now());
        drive::named(error, &course.deployment)
    }
}

impl Stream for ChatStream {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.waiting.pop_front() {
                Some(Event::Done) => {
                    this.complete(cx);
                    return Poll::Ready(None);
                }
                Some(Event::Failure(error)) => return Poll::Ready(Some(Err(this.fail(error)))),
                Some(event) => {
                    this.collector.add(&event);
                    return Poll::Ready(Some(Ok(event)));
                }
                None if this.source.is_none() => return Poll::Ready(None),
                None => ready!(this.poll_source(cx)),
            }
        }
    }
}

impl std::fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatStream").field("deployment", &self.course.deployment).finish_non_exhaustive()
    }
}

impl TextStream {
    /// The next piece of text; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<String>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How the answer was come by, and what it has cost so far; see [`ChatStream::meta`].
    pub fn meta(&self) -> Meta {
        self.0.meta()
    }
}

impl Stream for TextStream {
    type Item = Result<String>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let events = &mut self.get_mut().0;
        loop {
            match ready!(Pin::new(&mut *events).poll_next(cx)) {
                Some(Ok(Event::Text { choice: 0, text })) => return Poll::Ready(Some(Ok(text))),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl std::fmt::Debug for TextStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
