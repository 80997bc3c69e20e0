use std::collections::BTreeMap;

use super::*;
use crate::{
    Fallbacks, RetryPolicy, Strategy,
    fixtures::{deployment, s, upstream},
};

/// A router with groups of deployments, a clock that the test moves, and one call.
struct World {
    routes: Routes,
    policy: Policy,
    health: Health,
    now: Instant,
    options: CallOptions,
}

impl World {
    fn new(groups: &[(&str, &[&str])]) -> Self {
        let all = groups.iter().flat_map(|(group, ids)| ids.iter().map(|id| deployment(group, id)));
        let now = Instant::now();
        Self {
            routes: Routes::new(all),
            policy: Policy::default(),
            health: Health::new(now),
            now,
            options: CallOptions::default(),
        }
    }

    /// Changes deployments before anything runs.
    fn changed(mut self, change: impl Fn(&mut Deployment)) -> Self {
        let all: Vec<_> = self.routes.deployments().map(|one| (**one).clone()).collect();
        let all = all.into_iter().map(|mut one| {
            change(&mut one);
            one
        });
        self.routes = Routes::new(all);
        self
    }

    fn plan(&self, group: &str, seed: u64) -> Plan<'_> {
        let route = self.routes.resolve(group).expect("a group");
        Plan::new(&self.routes, &self.policy, &self.health, &route, &self.options, self.now, seed)
    }

    /// Plays the errors in order and writes down what the plan did: ids, waits in milliseconds, the end.
    fn course(&self, group: &str, errors: &[Error]) -> Vec<String> {
        let mut plan = self.plan(group, 7);
        let mut now = self.now;
        let mut course = Vec::new();
        let mut errors = errors.iter();
        let mut verdict = None;
        loop {
            match plan.next(verdict.take(), now) {
                Decision::Try(one) => {
                    course.push(one.id.to_string());
                    let Some(error) = errors.next() else { return course };
                    verdict = Some(error);
                }
                Decision::Wait(wait) => {
                    now += wait;
                    course.push(format!("{}ms", wait.as_millis()));
                }
                Decision::GiveUp => {
                    course.push("end".to_owned());
                    return course;
                }
            }
        }
    }
}

fn fallbacks(pairs: &[(&str, &[&str])]) -> Fallbacks {
    let mut fallbacks = Fallbacks::default();
    for (group, to) in pairs {
        fallbacks.insert(group, to.iter().map(|model| Fallback::to(model)).collect());
    }
    fallbacks
}

#[test]
fn what_follows_each_kind_of_error_with_one_deployment_and_a_fallback() {
    use ErrorKind::*;
    let mut world = World::new(&[("a", &["a1"]), ("b", &["b1"])]);
    world.policy.num_retries = 1;
    world.policy.fallbacks = fallbacks(&[("a", &["b"])]);
    let with_wait = |kind| {
        let course = world.course("a", &[upstream(kind), upstream(kind)]);
        assert!(course[1].ends_with("ms"), "{kind:?}: {course:?}");
        (course[0].clone(), course[2].clone(), course[3].clone())
    };
    let straight = |kind| world.course("a", &[upstream(kind)]).join(" ");
    for kind in
        [Timeout, Internal, Connection, BadGateway, ServiceUnavailable, GatewayTimeout, InvalidResponse]
    {
        assert_eq!(with_wait(kind), ("a1".into(), "a1".into(), "b1".into()), "{kind:?}");
    }
    for kind in
        [RateLimit, Authentication, PermissionDenied, PaymentRequired, NotFound, ContextWindow, ContentPolicy]
    {
        assert_eq!(straight(kind), "a1 b1", "{kind:?}");
    }
    for kind in [BadRequest, Unprocessable, UnsupportedParams] {
        assert_eq!(straight(kind), "a1 b1", "{kind:?}: another model may take it");
    }
    assert_eq!(straight(MidStream), "a1 end", "the client has part of the answer");
    assert_eq!(world.course("a", &[Error::bad_request("malformed")]).join(" "), "a1 end");
}

#[test]
fn another_deployment_is_tried_at_once_and_each_only_once_while_there_are_more() {
    let mut world = World::new(&[("a", &["a1", "a2", "a3"])]);
    world.policy.num_retries = 3;
    let errors = vec![upstream(ErrorKind::RateLimit); 4];
    let course = world.course("a", &errors);
    let mut tried = course[..3].to_vec();
    tried.sort();
    assert_eq!(tried, ["a1", "a2", "a3"], "{course:?}");
    assert!(course[3].ends_with("ms"), "then a wait: {course:?}");
    assert_eq!(course[4], course[2], "and the only one that does not cool down");
    assert_eq!(course[5], "end");
}

#[test]
fn wrong_credentials_lead_to_another_deployment_but_are_not_tried_twice() {
    let world = World::new(&[("a", &["a1", "a2"])]);
    let course = world.course("a", &vec![upstream(ErrorKind::Authentication); 3]);
    assert_eq!(course.len(), 3, "{course:?}");
    assert_ne!(course[0], course[1]);
    assert_eq!(course[2], "end");
}

#[test]
fn waits_grow_to_eight_seconds_and_jitter_stays_within_a_quarter() {
    let mut world = World::new(&[("a", &["a1"])]);
    world.policy.num_retries = 7;
    let course = world.course("a", &vec![upstream(ErrorKind::Internal); 8]);
    let waits: Vec<u64> = course
        .iter()
        .filter_map(|step| step.strip_suffix("ms"))
        .filter_map(|step| step.parse().ok())
        .collect();
    let full = [500, 1000, 2000, 4000, 8000, 8000, 8000];
    assert_eq!(waits.len(), full.len(), "{course:?}");
    for (wait, full) in waits.into_iter().zip(full) {
        assert!(wait >= full * 3 / 4 && wait <= full, "{wait} of {full}");
    }
    assert_eq!(course, world.course("a", &vec![upstream(ErrorKind::Internal); 8]), "the seed decides");
}

#[test]
fn retry_after_is_honoured_within_the_deadline() {
    let mut world = World::new(&[("a", &["a1"])]);
    let limited = |seconds| upstream(ErrorKind::RateLimit).with_retry_after(s(seconds));
    assert_eq!(world.course("a", &[limited(3)]), ["a1", "3000ms", "a1"]);
    assert_eq!(world.course("a", &[limited(61)]), ["a1", "end"], "longer than is sane");
    world.policy.retry_after = s(10);
    assert_eq!(world.course("a", &[limited(3)]), ["a1", "10000ms", "a1"], "the operator's least wait");
    world.policy.retry_after = Duration::ZERO;
    world.options.timeout = Some(s(3));
    assert_eq!(world.course("a", &[limited(3)]), ["a1", "end"], "the call would be over");
    assert_eq!(world.course("a", &[limited(2)]), ["a1", "2000ms", "a1"]);
}

#[test]
fn counts_of_retries_by_call_deployment_router_and_kind() {
    let tries = |world: &World| {
        let course = world.course("a", &vec![upstream(ErrorKind::Internal); 20]);
        course.iter().filter(|step| *step == "a1").count()
    };
    let mut world = World::new(&[("a", &["a1"])]);
    assert_eq!(tries(&world), 3, "two retries by default");
    world = world.changed(|one| one.num_retries = Some(1));
    assert_eq!(tries(&world), 2);
    world.options.num_retries = Some(0);
    assert_eq!(tries(&world), 1);
    let mut by_kind = RetryPolicy::default();
    assert!(by_kind.set("InternalServerErrorRetries", 4) && !by_kind.set("NoSuchErrorRetries", 1));
    world.policy.retry_policy = by_kind.clone();
    assert_eq!(tries(&world), 5);
    assert!(by_kind.set("InternalServerErrorRetries", 3));
    world.policy.group_retry_policy = BTreeMap::from([("a".to_owned(), by_kind)]);
    assert_eq!(tries(&world), 4);
}

#[test]
fn fallbacks_run_in_depth_without_loops_and_within_their_limit() {
    let mut world = World::new(&[("a", &["a1"]), ("b", &["b1"]), ("c", &["c1"]), ("d", &["d1"])]);
    world.policy.num_retries = 0;
    world.policy.fallbacks = fallbacks(&[("a", &["b", "c"]), ("b", &["d", "a"]), ("*", &["nobody"])]);
    let errors = vec![upstream(ErrorKind::Internal); 9];
    assert_eq!(world.course("a", &errors), ["a1", "b1", "d1", "c1", "end"]);
    world.policy.max_fallbacks = 1;
    assert_eq!(world.course("a", &errors), ["a1", "b1", "end"]);
    world.policy.max_fallbacks = 5;
    world.policy.fallbacks = fallbacks(&[("a", &["a", "a1", "nobody", "c1", "c"])]);
    assert_eq!(world.course("a", &errors), ["a1", "a1", "c1", "c1", "end"], "by id, each once");
    world.options.disable_fallbacks = true;
    assert_eq!(world.course("a", &errors), ["a1", "end"]);
}

#[test]
fn default_special_and_own_fallbacks() {
    let mut world = World::new(&[("a", &["a1"]), ("b", &["b1"]), ("c", &["c1"]), ("d", &["d1"])]);
    world.policy.num_retries = 0;
    world.policy.default_fallbacks = vec![Fallback::to("b")];
    world.policy.context_window_fallbacks = fallbacks(&[("a", &["c"])]);
    world.policy.content_policy_fallbacks = fallbacks(&[("a", &["d"])]);
    assert_eq!(world.course("a", &[upstream(ErrorKind::Internal)]), ["a1", "b1"]);
    assert_eq!(world.course("a", &[upstream(ErrorKind::ContextWindow)]), ["a1", "c1"]);
    assert_eq!(world.course("a", &[upstream(ErrorKind::ContentPolicy)]), ["a1", "d1"]);
    let own = serde_json::value::RawValue::from_string(r#"[{"model": "d", "temperature": 0}]"#.to_owned());
    world.options.fallbacks = Some(own.expect("JSON"));
    let mut plan = world.plan("a", 1);
    assert!(matches!(plan.next(None, world.now), Decision::Try(_)) && plan.params().is_none());
    let decision = plan.next(Some(&upstream(ErrorKind::Internal)), world.now);
    assert!(matches!(decision, Decision::Try(one) if &*one.id == "d1"));
    assert_eq!(plan.params().and_then(|params| params.get("temperature")), Some(&Value::from(0)));
    assert_eq!((plan.retries(), plan.fallbacks(), &**plan.group()), (0, 1, "d"));
}

#[test]
fn a_larger_window_in_the_group_comes_before_any_fallback() {
    let mut world = World::new(&[("a", &["a1", "a2"]), ("b", &["b1"])]).changed(|one| {
        let size = if &*one.id == "a2" { 1_000_000 } else { 8_000 };
        one.order = u32::from(&*one.id == "a2");
        one.target.facts =
            Arc::new(lockgate_core::ModelFacts { max_input: Some(size), ..Default::default() });
    });
    world.policy.fallbacks = fallbacks(&[("a", &["b"])]);
    world.policy.num_retries = 0;
    let errors = vec![upstream(ErrorKind::ContextWindow); 3];
    assert_eq!(world.course("a", &errors), ["a1", "a2", "b1", "end"]);
}

#[test]
fn shares_follow_weight_then_rpm_then_tpm_then_are_even() {
    let shares = |change: &dyn Fn(&mut Deployment)| {
        let world = World::new(&[("a", &["a1", "a2"])]).changed(change);
        let first = (0..2000).filter(|seed| {
            matches!(world.plan("a", *seed).next(None, world.now), Decision::Try(one) if &*one.id == "a1")
        });
        first.count() as f64 / 2000.0
    };
    let is_first = |one: &Deployment| &*one.id == "a1";
    let near =
        |share: f64, expected: f64| assert!((share - expected).abs() < 0.05, "{share} instead of {expected}");
    near(shares(&|_| {}), 0.5);
    near(shares(&|one| one.tpm = Some(if is_first(one) { 9000 } else { 1000 })), 0.9);
    near(shares(&|one| (one.tpm, one.rpm) = (Some(1), Some(if is_first(one) { 30 } else { 10 }))), 0.75);
    near(shares(&|one| (one.rpm, one.weight) = (Some(1), Some(if is_first(one) { 1.0 } else { 3.0 }))), 0.25);
    near(shares(&|one| one.weight = is_first(one).then_some(1.0)), 1.0);
}

#[test]
fn a_higher_order_serves_only_when_the_lower_is_out() {
    let world =
        World::new(&[("a", &["a1", "a2"])]).changed(|one| one.order = u32::from(&*one.id == "a2") + 1);
    assert!((0..50).all(|seed| {
        matches!(world.plan("a", seed).next(None, world.now), Decision::Try(one) if &*one.id == "a1")
    }));
    assert_eq!(world.course("a", &[upstream(ErrorKind::RateLimit)]), ["a1", "a2"]);
    assert_eq!(world.course("a", &[]), ["a2"], "the other one cools down");
}

#[test]
fn busy_slow_and_dear_deployments_are_passed_over() {
    let mut world = World::new(&[("a", &["a1", "a2"])]).changed(|one| {
        let price = if &*one.id == "a1" { 5e-6 } else { 1e-6 };
        let own = BTreeMap::from([
            ("input_cost_per_token".to_owned(), price),
            ("output_cost_per_token".to_owned(), 0.0),
        ]);
        one.price = Some(Arc::new(lockgate_catalog::Price::default().with_overrides(&own)));
    });
    let a1 = world.routes.deployment("a1").expect("a1").clone();
    let a2 = world.routes.deployment("a2").expect("a2").clone();
    world.policy.strategy = Strategy::LeastBusy;
    let under_way = world.health.begin(&a1);
    assert_eq!(world.course("a", &[]), ["a2"]);
    drop(under_way);
    world.policy.strategy = Strategy::Cost;
    assert_eq!(world.course("a", &[]), ["a2"]);
    world.policy.strategy = Strategy::Latency;
    world.health.succeeded(&a2, s(4), Some(10), world.now);
    assert_eq!(world.course("a", &[]), ["a1"], "the unmeasured one first");
    world.health.succeeded(&a1, s(9), Some(10), world.now);
    assert_eq!(world.course("a", &[]), ["a2"]);
}

#[test]
fn a_full_deployment_is_passed_over_and_a_full_group_refuses() {
    let world = World::new(&[("a", &["a1", "a2"])]).changed(|one| one.max_parallel_requests = Some(1));
    let of = |id: &str| world.routes.deployment(id).expect("there").clone();
    let _first = world.health.begin(&of("a1"));
    assert_eq!(world.course("a", &[]), ["a2"]);
    let _second = world.health.begin(&of("a2"));
    assert_eq!(world.course("a", &[]), ["end"]);
    assert_eq!(world.plan("a", 0).refusal().kind(), ErrorKind::RateLimit);
}

#[test]
fn tags_choose_deployments() {
    let mut world =
        World::new(&[("a", &["paid", "free", "default"])]).changed(|one| one.tags = vec![one.id.to_string()]);
    world.policy.enable_tag_filtering = true;
    assert_eq!(world.course("a", &[]), ["default"]);
    world.options.tags = vec!["free".to_owned(), "other".to_owned()];
    assert_eq!(world.course("a", &[]), ["free"]);
    world.policy.tag_filtering_match_any = false;
    assert_eq!(world.course("a", &[]), ["default"]);
}
