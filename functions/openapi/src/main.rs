//! `GET /openapi.json`: the OpenAPI document of the API, which is the file `openapi.json` beside this folder.

mod handler;

use shared::aws::Calls;
use shared::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::log::init();
    let handler = Handler::new();
    serve("openapi", Calls::default(), |request| handler.handle(request)).await
}
