//! What a job costs at the tables: requests and capacity units of each step, as the tables themselves count them
//! (`ReturnConsumedCapacity`). docs/performance.md says the same figures; a change that makes a job dearer must
//! change both.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
        http_client_fn,
    },
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;
use domain::{
    job::{Ending, Run},
    webhook::{EventId, EventKind},
};
use serde_json::{Map, Value};
use store::{Accepted, Fenced, Finished, Guard};

use crate::{
    notes::task,
    support::{NOW, after, audit_clean, bare, delivered, job, keyed, user},
    world::World,
};

/// Half units, which a read that need not be consistent costs: all figures are whole in them.
type Halves = u64;

/// One request: its name, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cost {
    operation: String,
    halves: Halves,
}

/// Counts what passes on the way to a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    costs: Arc<Mutex<Vec<Cost>>>,
}

impl Meter {
    /// The way to a client, past this meter.
    pub(crate) fn on(&self, http: SharedHttpClient) -> SharedHttpClient {
        let meter = self.clone();
        http_client_fn(move |settings, components| {
            let connector = http.http_connector(settings, components);
            SharedHttpConnector::new(Metered { meter: meter.clone(), connector })
        })
    }

    /// What passed since the last time this was asked.
    fn read(&self) -> Vec<(String, String)> {
        let costs = std::mem::take(&mut *self.costs.lock().unwrap());
        let units = |halves: Halves| {
            let half = if halves.is_multiple_of(2) { "" } else { ".5" };
            format!("{}{half}", halves / 2)
        };
        costs.into_iter().map(|cost| (cost.operation, units(cost.halves))).collect()
    }
}

#[derive(Debug)]
struct Metered {
    meter: Meter,
    connector: SharedHttpConnector,
}

impl HttpConnector for Metered {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut body: Map<String, Value> =
            serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        body.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
        let text = Value::from(body).to_string();
        request.headers_mut().insert("content-length", text.len().to_string());
        *request.body_mut() = SdkBody::from(text);
        let (answer, costs) = (self.connector.call(request), Arc::clone(&self.meter.costs));
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let status = answer.status();
            let headers = answer.headers().clone();
            let bytes = collect(answer.take_body()).await;
            let told: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            costs.lock().unwrap().push(Cost { operation, halves: cost_in(&told) });
            let mut whole = aws_smithy_runtime_api::client::orchestrator::HttpResponse::new(
                status,
                SdkBody::from(bytes),
            );
            *whole.headers_mut() = headers;
            Ok(whole)
        })
    }
}

async fn collect(body: SdkBody) -> Vec<u8> {
    aws_smithy_types::byte_stream::ByteStream::new(body).collect().await.unwrap().to_vec()
}

/// The capacity that an answer tells of: of one table, or of each.
fn cost_in(answer: &Value) -> Halves {
    let told = &answer["ConsumedCapacity"];
    let tables = told.as_array().map_or_else(|| std::slice::from_ref(told), Vec::as_slice);
    tables.iter().filter(|told| told.is_object()).map(|told| halves(&told["CapacityUnits"])).sum()
}

/// `9`, `9.0`, `0.5`
fn halves(units: &Value) -> Halves {
    let text = units.to_string();
    let (whole, half) = text.split_once('.').unwrap_or((&text, "0"));
    let half = match half {
        "0" => 0,
        "5" => 1,
        _ => panic!("{text} units"),
    };
    whole
        .parse::<Halves>()
        .unwrap()
        .checked_mul(2)
        .and_then(|whole| whole.checked_add(half))
        .unwrap()
}

fn costs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(operation, units)| ((*operation).to_owned(), (*units).to_owned())).collect()
}

#[tokio::test]
async fn a_job_is_four_writes_and_no_more_units_than_are_written_down() {
    let (world, meter) = World::metered(500_000).await;
    let (store, job) = (&world.store, job(1));
    meter.read();

    // T1: key, job and its place in the index, hold, balance.
    assert_eq!(store.accept(&keyed(&job, "one")).await.unwrap(), Accepted::Now);
    let accept = meter.read();
    let (job, Run { fence, .. }) = world.claimed(&job).await;
    // A claim does not move the job in the index.
    let claim = meter.read();
    assert_eq!(store.note_task(&job, fence, &task("upstream-1")).await.unwrap(), Fenced::Taken);
    let note = meter.read();
    // T2: resolution, job, balance, event and its place in the index.
    assert_eq!(world.finish(&job, fence, &delivered(2)).await, Finished::Now);
    let settle = meter.read();
    assert_eq!(
        [accept, claim, note, settle].concat(),
        costs(&[
            ("TransactWriteItems", "9"),
            ("UpdateItem", "1"),
            ("UpdateItem", "1"),
            ("TransactWriteItems", "10"),
        ])
    );

    // When the end was told, there is a note, and the event leaves the index with the next sweep.
    let id = EventId { job: job.id, kind: EventKind::Succeeded };
    let event = store.event(&user(), &id).await.unwrap().unwrap();
    meter.read();
    store.note_told(&user(), &event, NOW).await.unwrap();
    store.leave_event(&user(), &id).await.unwrap();
    assert_eq!(meter.read(), costs(&[("PutItem", "1"), ("UpdateItem", "2")]));
    audit_clean(store).await;
}

/// What else may become of a job, and what it costs instead, or besides.
#[tokio::test]
async fn every_other_path_costs_what_is_written_down() {
    let (world, meter) = World::metered(4_000_000).await;
    let store = &world.store;
    let [canceled, failed, resumed] = [job(1), job(2), job(3)];
    for job in [&canceled, &failed, &resumed] {
        store.accept(&bare(job)).await.unwrap();
    }
    meter.read();

    world.try_finish(&canceled, Guard::Pending, &Ending::Canceled, NOW).await.unwrap();
    assert_eq!(meter.read(), costs(&[("TransactWriteItems", "10")]));

    let (failed, Run { fence, .. }) = world.claimed(&failed).await;
    meter.read();
    assert_eq!(world.finish(&failed, fence, &Ending::Expired).await, Finished::Now);
    assert_eq!(meter.read(), costs(&[("TransactWriteItems", "10")]));

    // A visit more: the job is put down, which moves it in the index, and claimed again in two writes, of which
    // the first is refused. AWS counts that as one, the stand-in as none.
    let (resumed, Run { fence, .. }) = world.claimed(&resumed).await;
    meter.read();
    assert_eq!(store.put_down(&resumed, fence, NOW, after(5)).await.unwrap(), Fenced::Taken);
    world.claim(&resumed, NOW).await;
    assert_eq!(
        meter.read(),
        costs(&[("UpdateItem", "3"), ("UpdateItem", "0"), ("UpdateItem", "1")])
    );

    // The sweep rings again.
    let job = job(4);
    store.accept(&bare(&job)).await.unwrap();
    meter.read();
    assert_eq!(store.postpone(&job, NOW, after(120)).await.unwrap(), Fenced::Taken);
    assert_eq!(meter.read(), costs(&[("UpdateItem", "3")]));
    audit_clean(store).await;
}

#[tokio::test]
async fn to_look_a_job_up_is_one_read() {
    let (world, meter) = World::metered(500_000).await;
    let job = world.accepted(1).await;
    meter.read();
    world.look(&job).await;
    assert_eq!(meter.read(), costs(&[("GetItem", "1")]));
    world.store.balance(&user()).await.unwrap();
    assert_eq!(meter.read(), costs(&[("Query", "1")]));
    assert!(world.store.job(&user(), &crate::support::job(9).id).await.unwrap().is_none());
    assert_eq!(meter.read().len(), 1);
}
