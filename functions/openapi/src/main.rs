//! `GET /openapi.json`: the OpenAPI document of the API, which is the file `openapi.json` beside this folder.

mod handler;
/// What template.yaml routes to this function.
mod route {
    include!(concat!(env!("OUT_DIR"), "/routes.rs"));
}

use lambda::Calls;
use lambda::http::serve;

use crate::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda::log::init();
    let handler = Handler::new();
    serve("openapi", Calls::default(), |request| handler.handle(request)).await
}
