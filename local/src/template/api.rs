//! `AWS::Serverless::HttpApi` and the `HttpApi` events of functions.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::Result;
use super::node::Node;

/// The HTTP API.
#[derive(Debug, Clone, Default)]
pub(crate) struct Api {
    pub(crate) cors: Option<Cors>,
    pub(crate) authorizers: BTreeMap<String, JwtAuthorizer>,
    /// The authorizer of routes that name none.
    pub(crate) default_authorizer: Option<String>,
    /// How often each route may be called.
    pub(crate) throttle: Option<Throttle>,
    pub(crate) routes: Vec<HttpRoute>,
}

impl Api {
    /// The authorizer that tokens are made for: the default one, or the only one.
    pub(crate) fn main_authorizer(&self) -> Option<&JwtAuthorizer> {
        match &self.default_authorizer {
            Some(name) => self.authorizers.get(name),
            None => self.authorizers.values().next(),
        }
    }
}

/// A limit of calls: a bucket of tokens that is full at first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Throttle {
    /// Tokens that come back a second.
    pub(crate) rate: f64,
    /// Tokens that the bucket holds.
    pub(crate) burst: f64,
}

/// A JWT authorizer.
#[derive(Debug, Clone)]
pub(crate) struct JwtAuthorizer {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
}

/// What browsers of other origins may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cors {
    pub(crate) allow_origins: Vec<String>,
    pub(crate) allow_methods: Vec<String>,
    pub(crate) allow_headers: Vec<String>,
    pub(crate) expose_headers: Vec<String>,
    /// Seconds that a browser may keep the answer to a preflight.
    pub(crate) max_age: Option<u64>,
    pub(crate) allow_credentials: bool,
    /// Not of the template: pages of this machine may do it, too, at whatever port.
    pub(crate) dev_origins: bool,
}

/// One route and the function behind it.
#[derive(Debug, Clone)]
pub(crate) struct HttpRoute {
    /// A method or `ANY`; empty for `$default`.
    pub(crate) method: String,
    /// Such as `/stages/{stage}`; empty for `$default`.
    pub(crate) path: String,
    /// Logical id of the function.
    pub(crate) function: String,
    /// Name of the authorizer; `None` lets everyone in.
    pub(crate) authorizer: Option<String>,
    /// At least one of them must be in the token; none asked for if empty.
    pub(crate) scopes: Vec<String>,
    /// How long API Gateway waits for the function.
    pub(crate) timeout: Duration,
}

impl HttpRoute {
    /// API Gateway's name of the route: `GET /stages` or `$default`.
    pub(crate) fn key(&self) -> String {
        if self.path.is_empty() { "$default".to_owned() } else { format!("{} {}", self.method, self.path) }
    }
}

/// SAM's default of `TimeoutInMillis`.
const DEFAULT_TIMEOUT_MILLIS: u64 = 5_000;

/// Reads the API's resolved properties, without routes.
pub(crate) fn api(properties: &Node<'_>) -> Result<Api> {
    const KNOWN: [&str; 12] = [
        "AccessLogSettings",
        "Auth",
        "CorsConfiguration",
        "DefaultRouteSettings",
        "Description",
        "DisableExecuteApiEndpoint",
        "Domain",
        "FailOnWarnings",
        "Name",
        "PropagateTags",
        "StageName",
        "Tags",
    ];
    properties.only("AWS::Serverless::HttpApi", &KNOWN)?;
    if let Some(stage) = properties.get("StageName").filter(|stage| stage.value != "$default") {
        return Err(stage.unsupported("stages other than $default"));
    }
    let mut api = Api::default();
    if let Some(log) = properties.get("AccessLogSettings") {
        // Nothing is written here, and what API Gateway refuses is refused.
        log.only("AccessLogSettings", &["DestinationArn", "Format"])?;
        log.require("DestinationArn")?.text()?;
        log.require("Format")?.text()?;
    }
    api.throttle = properties.get("DefaultRouteSettings").map(|settings| throttle(&settings)).transpose()?.flatten();
    if let Some(cors) = properties.get("CorsConfiguration") {
        api.cors = self::cors(&cors)?;
    }
    if let Some(auth) = properties.get("Auth") {
        auth.only("Auth", &["Authorizers", "DefaultAuthorizer"])?;
        if let Some(authorizers) = auth.get("Authorizers") {
            for (name, authorizer) in authorizers.entries()? {
                api.authorizers.insert(name.to_owned(), self::authorizer(&authorizer)?);
            }
        }
        if let Some(default) = auth.get("DefaultAuthorizer") {
            api.default_authorizer = Some(known_authorizer(&api, &default)?);
        }
    }
    Ok(api)
}

/// `DefaultRouteSettings`. Detailed metrics change nothing here.
fn throttle(settings: &Node<'_>) -> Result<Option<Throttle>> {
    settings
        .only("DefaultRouteSettings", &["DetailedMetricsEnabled", "ThrottlingBurstLimit", "ThrottlingRateLimit"])?;
    match (settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")) {
        (None, None) => Ok(None),
        (Some(rate), Some(burst)) => {
            let wrong = || rate.error("must be a number");
            let per_second: f64 = rate.text()?.parse().map_err(|_| wrong())?;
            let burst = u32::try_from(burst.number()?).map_err(|_| burst.error("is too large"))?;
            if !per_second.is_finite() || per_second < 0.0 {
                return Err(wrong());
            }
            Ok(Some(Throttle { rate: per_second, burst: burst.into() }))
        }
        // What holds then is the account's limit, which nothing here knows.
        _ => Err(settings.unsupported("a rate without a burst, or a burst without a rate")),
    }
}

fn known_authorizer(api: &Api, node: &Node<'_>) -> Result<String> {
    let name = node.text()?;
    match name.as_str() {
        "AWS_IAM" => Err(node.unsupported("IAM authorization of routes")),
        _ if api.authorizers.contains_key(&name) => Ok(name),
        _ => Err(node.error(format!("there is no authorizer `{name}`"))),
    }
}

fn authorizer(node: &Node<'_>) -> Result<JwtAuthorizer> {
    node.only("a JWT authorizer", &["IdentitySource", "JwtConfiguration"])?;
    if let Some(source) = node.get("IdentitySource").filter(|source| source.value != "$request.header.Authorization") {
        return Err(source.unsupported("identity sources other than $request.header.Authorization"));
    }
    let jwt = node.require("JwtConfiguration")?;
    jwt.only("JwtConfiguration", &["issuer", "audience"])?;
    Ok(JwtAuthorizer { issuer: jwt.require("issuer")?.text()?, audiences: jwt.require("audience")?.texts()? })
}

fn cors(node: &Node<'_>) -> Result<Option<Cors>> {
    // SAM: `true` allows every origin and nothing more.
    if node.value.is_boolean() {
        return Ok(node.flag()?.then(|| Cors { allow_origins: vec!["*".to_owned()], ..Cors::default() }));
    }
    const KNOWN: [&str; 6] =
        ["AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders", "MaxAge", "AllowCredentials"];
    node.only("CorsConfiguration", &KNOWN)?;
    let list = |key: &str| node.get(key).map(|list| list.texts()).transpose().map(Option::unwrap_or_default);
    let cors = Cors {
        allow_origins: list("AllowOrigins")?,
        allow_methods: list("AllowMethods")?,
        allow_headers: list("AllowHeaders")?,
        expose_headers: list("ExposeHeaders")?,
        max_age: node.get("MaxAge").map(|age| age.number()).transpose()?,
        allow_credentials: node.get("AllowCredentials").map(|flag| flag.flag()).transpose()?.unwrap_or(false),
        dev_origins: false,
    };
    if cors.allow_credentials && cors.allow_origins.iter().any(|origin| origin == "*") {
        return Err(node.error("AllowCredentials cannot go with the origin `*`"));
    }
    Ok(Some(cors))
}

/// Reads the properties of one `HttpApi` event of `function`.
pub(crate) fn route(api: &Api, function: &str, properties: &Node<'_>) -> Result<HttpRoute> {
    const KNOWN: [&str; 6] = ["ApiId", "Auth", "Method", "Path", "PayloadFormatVersion", "TimeoutInMillis"];
    properties.only("an HttpApi event", &KNOWN)?;
    if let Some(version) = properties.get("PayloadFormatVersion").filter(|version| version.value != "2.0") {
        return Err(version.unsupported("payload formats other than 2.0"));
    }
    let (method, path) = match (properties.get("Method"), properties.get("Path")) {
        (None, None) => (String::new(), String::new()),
        (Some(method), Some(path)) => (self::method(&method)?, self::path(&path)?),
        _ => return Err(properties.error("`Method` and `Path` go together")),
    };
    let millis = match properties.get("TimeoutInMillis") {
        Some(millis) => match millis.number()? {
            limit @ 50..=30_000 => limit,
            other => return Err(millis.error(format!("{other} is not within 50..30000 ms"))),
        },
        None => DEFAULT_TIMEOUT_MILLIS,
    };
    let mut route = HttpRoute {
        method,
        path,
        function: function.to_owned(),
        authorizer: api.default_authorizer.clone(),
        scopes: Vec::new(),
        timeout: Duration::from_millis(millis),
    };
    if let Some(auth) = properties.get("Auth") {
        auth.only("Auth", &["Authorizer", "AuthorizationScopes"])?;
        if let Some(authorizer) = auth.get("Authorizer") {
            route.authorizer =
                if authorizer.value == "NONE" { None } else { Some(known_authorizer(api, &authorizer)?) };
        }
        if let Some(scopes) = auth.get("AuthorizationScopes") {
            route.scopes = scopes.texts()?;
        }
    }
    Ok(route)
}

fn method(node: &Node<'_>) -> Result<String> {
    let method = node.text()?.to_ascii_uppercase();
    match method.as_str() {
        "ANY" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => Ok("ANY".to_owned()),
        "GET" | "PUT" | "POST" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS" => Ok(method),
        _ => Err(node.error(format!("`{method}` is no HTTP method"))),
    }
}

fn path(node: &Node<'_>) -> Result<String> {
    let path = node.text()?;
    if !path.starts_with('/') {
        return Err(node.error(format!("`{path}` must start with `/`")));
    }
    let greedy = path.find("+}");
    if greedy.is_some_and(|at| at + 2 != path.len()) {
        return Err(node.error(format!("`{path}` goes on after its greedy parameter")));
    }
    Ok(path)
}
