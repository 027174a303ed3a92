//! What each route costs in DynamoDB's capacity units: the same, however many rows the tables have. Lists cost the same by
//! the page. The engine counts; that it does so as AWS documents is tested here, too.

mod routes;
mod rows;

use std::collections::BTreeSet;
use std::fs;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, ReturnConsumedCapacity, TransactWriteItem};
use tests::{Row, ScratchDir, Setup, TestApp, root};

use self::routes::Cost;
use self::rows::Rows;

/// How many rows each table has, in turn.
const SIZES: [usize; 2] = [10, 1_000];
/// Other sizes, such as `10,1000,100000`, which takes minutes: tests/capacity.
const VARIABLE: &str = "GREENROOM_TEST_ROWS";
/// Where the costs are told.
const PAGE: &str = "docs/scale.md";
/// Where its table is.
const SECTION: &str = "\n## What each route costs\n";

/// The sizes of this run.
fn sizes() -> Vec<usize> {
    let Some(set) = std::env::var_os(VARIABLE) else { return SIZES.into() };
    let set = set.to_str().unwrap();
    set.split(',').map(|size| size.parse().unwrap_or_else(|_| panic!("{VARIABLE} is {set:?}, not sizes"))).collect()
}

/// A line of the page's table: what is asked for, the calls with their units, and reads and writes at each size.
fn line(at_each_size: &[&Cost]) -> String {
    let first = at_each_size[0];
    let calls: Vec<_> = first.calls.iter().map(|(operation, units)| format!("{operation} {units}")).collect();
    let sums = at_each_size.iter().map(|cost| format!(" {} + {} |", cost.reads(), cost.writes()));
    format!("| `{}`{} | {} |{}", first.route, first.case, calls.join(", "), sums.collect::<String>())
}

#[tokio::test]
async fn each_route_costs_the_same_capacity_however_many_rows_the_tables_have() {
    let setup = Setup::default().parameter("SelfHostedIngestUrl", "rtmps://video.example/live");
    let setup = setup.parameter("SelfHostedPlaybackUrl", "https://video.example/hls/{channel}.m3u8");
    let data = ScratchDir::new("capacity");
    // Rows that are multiplied name what is not in IVS.
    let lines = setup
        .data_dir(data.path())
        .explore(async |app| {
            let mut rows = Rows::prepare(app, data.path()).await;
            let mut measured: Vec<Vec<Cost>> = Vec::new();
            for size in sizes() {
                rows.grow(size);
                measured.push(routes::measure(app, size).await);
            }
            let asked: BTreeSet<_> = measured[0].iter().map(|cost| cost.route.to_owned()).collect();
            let routes: BTreeSet<_> = app.routes().iter().map(|it| format!("{} {}", it.method, it.path)).collect();
            assert_eq!(asked, routes, "the routes that are asked here, and those of template.yaml");
            let of_each_size = |n: usize| measured.iter().map(|costs| &costs[n]).collect::<Vec<_>>();
            (0..measured[0].len())
                .map(of_each_size)
                .map(|costs| {
                    assert!(costs.iter().all(|cost| cost.calls == costs[0].calls), "it grows: {costs:#?}");
                    line(&costs)
                })
                .collect::<Vec<_>>()
        })
        .await;
    println!("{}", lines.join("\n"));
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let missed: Vec<_> =
        lines.iter().filter(|line| !page.lines().any(|said| said.starts_with(line.as_str()))).collect();
    assert!(missed.is_empty(), "{PAGE} does not say: {missed:#?}");
    let (_, section) = page.split_once(SECTION).unwrap();
    let rows = section.lines().filter(|said| said.starts_with("| `"));
    let gone: Vec<_> = rows.filter(|said| !lines.iter().any(|line| said.starts_with(line.as_str()))).collect();
    assert!(gone.is_empty(), "{PAGE} says what is asked no more: {gone:#?}");
}

/// An item of so many bytes, which are those of its names and values.
fn sized(id: char, bytes: usize) -> Row {
    let fixed = [("channel", id.to_string()), ("listed", "live".to_owned()), ("startedAt", "2026".to_owned())];
    let rest = bytes - "channellistedstartedAtfiller".len() - 1 - 4 - 4;
    let fields = fixed.into_iter().chain([("filler", "x".repeat(rest))]);
    fields.map(|(name, value)| (name.to_owned(), AttributeValue::S(value))).collect()
}

/// AWS, "DynamoDB read and write operations" and "Amazon DynamoDB transactions: how it works".
#[tokio::test]
async fn the_engine_counts_capacity_as_dynamodb_documents() {
    TestApp::run(async |app| {
        // All of an item is in this table's one index.
        let table = &app.table("streams");
        let total = ReturnConsumedCapacity::Total;
        let put = async |item: Row| {
            let put = app.dynamodb().put_item().table_name(table).set_item(Some(item));
            let put = put.return_consumed_capacity(total.clone()).send().await.unwrap();
            put.consumed_capacity.unwrap().capacity_units.unwrap()
        };
        // By the kilobyte, the index apart.
        assert_eq!(put(sized('a', 1024)).await, 2.0);
        assert_eq!(put(sized('b', 1025)).await, 4.0);
        assert_eq!(put(sized('c', 5000)).await, 10.0);
        // By the larger of both, and an index that stays as it is costs nothing.
        assert_eq!(put(sized('c', 5000)).await, 5.0);
        let get = async |id: &str, consistent: bool| {
            let get = app.dynamodb().get_item().table_name(table).key("channel", AttributeValue::S(id.to_owned()));
            let got = get.consistent_read(consistent).return_consumed_capacity(total.clone()).send().await.unwrap();
            got.consumed_capacity.unwrap().capacity_units.unwrap()
        };
        // By four kilobytes, half of it if it may be late, and what is not there costs the least.
        let reads = [get("a", true).await, get("a", false).await, get("c", true).await, get("c", false).await];
        assert_eq!((reads, get("none", true).await), ([1.0, 0.5, 2.0, 1.0], 1.0));
        // Each item of a batch is rounded up, and what is left out is read nevertheless.
        let keys = ["a", "b", "c"].map(|id| Row::from([("channel".to_owned(), AttributeValue::S(id.to_owned()))]));
        let keys = KeysAndAttributes::builder().set_keys(Some(keys.into())).projection_expression("channel");
        let batch = app.dynamodb().batch_get_item().request_items(table, keys.consistent_read(true).build().unwrap());
        let got = batch.return_consumed_capacity(total.clone()).send().await.unwrap();
        assert_eq!(got.consumed_capacity()[0].capacity_units, Some(4.0));
        // The sum of a Query is: 7,049 bytes, what a filter leaves out among them.
        let query =
            app.dynamodb().query().table_name(table).index_name("by-start").key_condition_expression("listed = :live");
        let query = query.expression_attribute_values(":live", AttributeValue::S("live".to_owned()));
        let query = query.filter_expression("attribute_not_exists(filler)").return_consumed_capacity(total.clone());
        assert_eq!(query.send().await.unwrap().consumed_capacity.unwrap().capacity_units, Some(1.0));
        // A transaction counts twice, and its index once.
        let put = Put::builder().table_name(table).set_item(Some(sized('d', 1500))).build().unwrap();
        let written = app.dynamodb().transact_write_items();
        let written = written.transact_items(TransactWriteItem::builder().put(put).build());
        let written = written.return_consumed_capacity(total.clone()).send().await.unwrap();
        assert_eq!(written.consumed_capacity()[0].capacity_units, Some(6.0));
    })
    .await;
}
