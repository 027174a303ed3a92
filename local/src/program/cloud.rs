//! The whole local cloud, put together.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::RwLock;

use crate::aws::api_gateway::{Gateway, GatewaySettings};
use crate::aws::cloud_formation::{ANSWERS, CloudFormation};
use crate::aws::cognito::Issuer;
use crate::aws::event_bridge::{Dispatcher, EventBus};
use crate::aws::ivs_chat::{self, IvsChat};
use crate::aws::lambda::{EventQueue, EventSourceServices, EventSources, Lambda, Settings};
use crate::aws::scheduler::Scheduler;
use crate::aws::{
    Addresses, Assumed, Assumptions, CallLog, Callers, Certificates, DynamoDb, Ecs, Endpoint, Faults, IvsServices,
    ProcessSettings, Processes, Resource, SecretsManager, Sqs, agent_url,
};
use crate::media;
use crate::media::tls::Authority;
use crate::plumbing::clock;
use crate::plumbing::http_server::{self, Answer};
use crate::plumbing::jobs::Jobs;
use crate::program::data_dir::{DataDir, Owner};
use crate::program::front;
use crate::program::listeners::Listeners;
use crate::program::log::{Lines, LogLine};
use crate::program::options::Options;
use crate::program::overview::{MediaPlane, Overview};
use crate::program::pages::Pages;
use crate::program::request_log::RequestLog;
use crate::program::side_door::{self, SideDoor, SignIn, Tokens};
use crate::program::users::Users;
use crate::template::Template;

/// A running local cloud. Dropping it ends every process that it started.
pub struct LocalCloud {
    template: Template,
    api_address: SocketAddr,
    aws_address: SocketAddr,
    tasks_address: SocketAddr,
    chat_address: SocketAddr,
    side_door: Arc<SideDoor>,
    lines: Arc<Lines>,
    jobs: Jobs,
    _data_dir: Option<DataDir>,
}

impl LocalCloud {
    /// Reads the template, opens the ports and has the custom resources made. Other functions are started by their
    /// first request.
    ///
    /// # Errors
    /// One sentence that names the cure: a broken template, a taken port, a data directory in use, a missing binary, a
    /// custom resource that cannot be made.
    pub async fn start(mut options: Options) -> anyhow::Result<Self> {
        let listeners = Listeners::bind(&options).await?;
        // The template may say where the front is.
        options.tasks_port = listeners.front.local_addr()?.port();
        options.chat_port = listeners.chat.local_addr()?.port();
        // And the URLs of its queues lead to the endpoint.
        options.aws_port = listeners.aws.local_addr()?.port();
        let data_dir = open_data_dir(&options)?;
        let file = |name: &str| data_dir.as_ref().map(|directory| directory.file(name));
        let secrets = Arc::new(SecretsManager::open(&options.region, file("secrets-manager.json"))?);
        let template = options.load_template(&|name, description| secrets.declare(name, description))?;
        check_binaries(&options, &template)?;
        let issuer = match file("issuer.pem") {
            Some(key) => Issuer::open(&key)?,
            None => Issuer::ephemeral()?,
        };
        let issuer = match &options.jwks {
            Some(keys) => issuer.trusting(keys)?,
            None => issuer,
        };
        let issuer = Arc::new(issuer);

        let authority = match (file("ca.key.pem"), file("ca.pem")) {
            (Some(key), Some(certificate)) => Authority::open(&key, &certificate, clock::now())?,
            _ => Authority::ephemeral(clock::now())?,
        };

        let (api_address, aws_address) = (listeners.api.local_addr()?, listeners.aws.local_addr()?);
        let tasks_address = listeners.front.local_addr()?;
        let chat_address = listeners.chat.local_addr()?;
        let (api_url, aws_url) = (format!("http://{api_address}"), format!("http://{aws_address}"));
        let addresses = Addresses {
            ingest: listeners.media.rtmps.local_addr()?.to_string(),
            playback: format!("http://{}", listeners.media.playback.local_addr()?),
        };
        let media_plane = MediaPlane {
            rtmps_url: format!("rtmps://{}/app/", addresses.ingest),
            rtmp_url: format!("rtmp://{}/app/", listeners.media.rtmp.local_addr()?),
            playback_url: addresses.playback.clone(),
            chat_url: format!("ws://{chat_address}"),
            certificate: file("ca.pem"),
        };
        let overview = Overview::new(
            &options,
            &template,
            api_url.clone(),
            aws_url.clone(),
            media_plane,
            format!("http://{tasks_address}"),
        );

        let jobs = Jobs::default();
        let callers = Arc::new(Callers::default());
        let (requests, users) = (Arc::new(RequestLog::default()), Arc::new(Users::default()));
        let lines = Arc::new(Lines::new(options.log, Arc::clone(&requests)));
        let endpoints = options.endpoints.clone();
        let settings = Settings {
            region: options.region.clone(),
            aws_url: aws_url.clone(),
            endpoints: endpoints.clone(),
            bin_dir: options.bin_dir.clone(),
            max_instances: options.max_instances,
            callers: Arc::clone(&callers),
            lines: Arc::clone(&lines),
            requests: Arc::clone(&requests),
            jobs: jobs.clone(),
        };
        let lambda = Arc::new(Lambda::new(&template.functions, settings));
        jobs.spawn(Arc::clone(&lambda).sweep());
        let binaries = binaries_of_images(&options, &template);
        let certificates = (!binaries.is_empty()).then(|| Certificates::begin(authority.certificate_pem()));
        let (processes, exits) = Processes::new(ProcessSettings {
            region: options.region.clone(),
            aws_url: aws_url.clone(),
            endpoints,
            bin_dir: options.bin_dir.clone(),
            binaries,
            certificates,
            callers: Arc::clone(&callers),
            lines: Arc::clone(&lines),
            jobs: jobs.clone(),
        });
        let policies = template.functions.iter().map(|function| (function.id.clone(), function.policy.clone()));
        let policies: BTreeMap<_, _> = policies.collect();
        let faults = Arc::new(Faults::new(policies.keys().cloned().collect()));
        let sqs = Arc::new(Sqs::open(&options.region, &options.queues_url(), &template.queues, file("sqs.json"))?);
        let deliveries = Jobs::default();
        let event_queue = Arc::new(EventQueue {
            region: options.region.clone(),
            lambda: Arc::clone(&lambda),
            sqs: Arc::clone(&sqs),
            policies: policies.clone(),
            lines: Arc::clone(&lines),
            jobs: deliveries.clone(),
        });
        let services = EventSourceServices {
            sqs: Arc::clone(&sqs),
            lambda: Arc::clone(&lambda),
            faults: Arc::clone(&faults),
            lines: Arc::clone(&lines),
        };
        let event_sources = EventSources::new(&template.functions, &template.queues, &services);
        let dispatcher = Arc::new(Dispatcher {
            queue: Arc::clone(&event_queue),
            faults: Arc::clone(&faults),
            sqs: Arc::clone(&sqs),
            lines: Arc::clone(&lines),
        });
        let (functions, region) = (&template.functions, &options.region);
        let bus = Arc::new(EventBus::new(functions, region, Arc::clone(&dispatcher), deliveries.clone()));
        let scheduler = Arc::new(Scheduler::new(functions, region, dispatcher, deliveries));
        let first = if options.assume_unkind { Assumptions::UNKIND } else { Assumptions::default() };
        let assumed = Assumed::new(first);
        let ivs = IvsServices::open(&options.region, file)?.assuming(&assumed);
        let chat = IvsChat::open(&options.region, file("ivs-chat.json"), assumed.clone())?;
        let events = Arc::clone(&bus);
        ivs.low_latency.set_addresses(addresses).map_err(|error| anyhow::anyhow!("{error}"))?;
        ivs.low_latency.on_air().tell(Arc::new(move |event, now| events.put(events.complete(event, now))));
        let database = file("dynamodb.sqlite");
        if let Some(database) = database.as_deref().filter(|database| !database.exists()) {
            let left = [ivs.low_latency.inventory(), ivs.real_time.inventory(), chat.inventory()].concat();
            check_nothing_is_left(database, &left)?;
        }
        let endpoint = Arc::new(Endpoint {
            policies,
            task_roles: template.task_roles.clone(),
            callers,
            faults,
            calls: CallLog::default(),
            requests: Arc::clone(&requests),
            dynamodb: DynamoDb::open(database.as_deref(), &template.tables, &options.region, &jobs)
                .await?
                .assuming(assumed.clone()),
            assumed: assumed.clone(),
            ivs,
            ivs_chat: Arc::new(chat),
            secrets,
            ecs: Ecs::open(&options.region, file("ecs.json"))?.with_processes(processes).assuming(assumed),
            sqs,
            bus,
            lambda: Arc::clone(&lambda),
            event_queue,
            jobs: jobs.clone(),
            gate: RwLock::default(),
            region: options.region,
        });
        let acceptor = authority.acceptor(clock::now())?;
        let (low_latency, takes_plain) = (Arc::clone(&endpoint.ivs.low_latency), options.insecure_ingest);
        media::start(listeners.media, acceptor, low_latency, takes_plain, Arc::clone(&lines), &jobs);
        endpoint.declare(&template.secrets);
        jobs.spawn(front::serve(listeners.front, Arc::clone(&endpoint)));
        let (chat, reviewers) = (Arc::clone(&endpoint.ivs_chat), Arc::clone(&endpoint.lambda));
        jobs.spawn(ivs_chat::serve(listeners.chat, chat, reviewers, jobs.clone()));
        let cloud_formation = Arc::new(CloudFormation::open(
            (&options.stack_name, &endpoint.region),
            aws_url,
            template.custom_resources.clone(),
            file("cloudformation.json"),
            Arc::clone(&endpoint.event_queue),
        )?);

        if options.run_schedules {
            scheduler.start(&jobs, &lines);
        }
        let setting = GatewaySettings {
            issuer: Arc::clone(&issuer),
            lambda,
            lines: Arc::clone(&lines),
            requests,
            users: Arc::clone(&users),
            url: api_url,
            dev_origins: options.dev_origins,
        };
        let gateway = Arc::new(Gateway::new(&template, setting));
        let authorizer = template.api.main_authorizer().cloned();
        let tokens = Arc::new(Tokens { issuer, authorizer, users });
        let origins = overview.origins().to_vec();
        let side_door = Arc::new(SideDoor {
            overview,
            pages: options.web_dir.map(Pages::new),
            certificate: authority.certificate_pem(),
            endpoint: Arc::clone(&endpoint),
            scheduler,
            event_sources,
            sign_in: SignIn::new(Arc::clone(&tokens), origins),
            tokens,
            secrets: template.secrets.clone(),
            ecs: template.ecs.clone(),
            cloud_formation: Arc::clone(&cloud_formation),
            api_gate: RwLock::default(),
        });
        let door = Arc::clone(&side_door);
        jobs.spawn(http_server::serve(listeners.api, move |request| {
            let (gateway, door) = (Arc::clone(&gateway), Arc::clone(&door));
            async move { Ok(serve_api(&gateway, &door, request).await) }
        }));
        let answers = Arc::clone(&cloud_formation);
        jobs.spawn(http_server::serve(listeners.aws, move |request: http::Request<Incoming>| {
            let (endpoint, answers) = (Arc::clone(&endpoint), Arc::clone(&answers));
            async move {
                match request.uri().path() {
                    path if path.starts_with(ANSWERS) => Ok(answers.take_answer(request).await),
                    path if path.starts_with(agent_url::PATHS) => Ok(tell_container(&endpoint, path)),
                    _ => endpoint.handle(request).await,
                }
            }
        }));
        let cloud = Self {
            template,
            api_address,
            aws_address,
            tasks_address,
            chat_address,
            side_door,
            lines,
            jobs,
            _data_dir: data_dir,
        };
        cloud_formation.deploy().await.with_context(|| match options.data_dir {
            Some(data_dir) => format!(
                "the stack cannot come up with what is in {}; --ephemeral starts without it, and so does deleting it",
                data_dir.display()
            ),
            None => "the stack cannot come up".to_owned(),
        })?;
        let endpoint = &cloud.side_door.endpoint;
        endpoint.start_ecs(&cloud.template.ecs)?;
        cloud.jobs.spawn(Arc::clone(endpoint).follow_processes(exits));
        cloud.jobs.spawn(Arc::clone(endpoint).run_ecs_clock());
        cloud.side_door.event_sources.start();
        Ok(cloud)
    }

    /// Base URL of the API, without a slash at its end.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api_address)
    }

    /// URL of the AWS endpoint, as `AWS_ENDPOINT_URL` takes it.
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws_address)
    }

    /// URL of the front, without a slash at its end: the id of a task comes next.
    pub fn tasks_url(&self) -> String {
        format!("http://{}", self.tasks_address)
    }

    /// Where chat clients connect to, without a slash at its end.
    pub fn chat_url(&self) -> String {
        format!("ws://{}", self.chat_address)
    }

    /// What a person sees at the start: addresses, and what to paste. It holds no token.
    pub fn banner(&self) -> String {
        self.side_door.overview.banner()
    }

    /// A token of the user `sub` that the API accepts for 12 hours.
    pub fn token(&self, sub: &str) -> String {
        self.side_door.tokens.for_user(sub, clock::now())
    }

    /// What the functions have written so far, if the log is collected.
    pub fn logs(&self) -> Vec<LogLine> {
        self.lines.collected()
    }

    /// The template that runs here.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Ends every instance of every function: the next request starts a new one, which remembers nothing.
    pub fn replace_instances(&self) {
        self.side_door.endpoint.lambda.replace_instances();
    }

    /// Ends every process and closes every port, and waits until that is done. Answers all that the functions have
    /// written, if the log is collected.
    pub async fn shutdown(self) -> Vec<LogLine> {
        self.side_door.event_sources.stop().await;
        self.side_door.endpoint.bus.forget().await;
        self.side_door.endpoint.ecs.end_processes().await;
        self.jobs.stop().await;
        self.lines.collected()
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        self.side_door.event_sources.abort();
        self.side_door.endpoint.bus.abort();
        self.jobs.abort_all();
    }
}

async fn serve_api(gateway: &Gateway, side_door: &SideDoor, request: http::Request<Incoming>) -> Answer {
    let path = request.uri().path();
    if side_door::takes(path) {
        return side_door.handle(request).await;
    }
    let (parts, body) = request.into_parts();
    if !gateway.has_route(parts.method.as_str(), parts.uri.path())
        && let Some(page) = side_door.show(&parts).await
    {
        return page;
    }
    let request = http::Request::from_parts(parts, body);
    let _open = side_door.api_gate.read().await;
    gateway.handle(request).await
}

/// Says what would keep a local cloud from starting before the functions are built, which may take minutes: a port that
/// is taken, a data directory that it cannot have.
///
/// # Errors
/// One sentence that names the option to change.
pub async fn check(options: &Options) -> anyhow::Result<()> {
    Listeners::bind(options).await?;
    open_data_dir(options)?;
    Ok(())
}

fn open_data_dir(options: &Options) -> anyhow::Result<Option<DataDir>> {
    let owner = Owner { stack_name: options.stack_name.clone(), region: options.region.clone() };
    options.data_dir.as_deref().map(|path| DataDir::open(path, &owner)).transpose()
}

/// Refuses to start without rows beside resources that they were about: those would be nobody's.
fn check_nothing_is_left(database: &Path, left: &[Resource]) -> anyhow::Result<()> {
    let Some(one) = left.first() else { return Ok(()) };
    let directory = database.parent().unwrap_or(database).display();
    anyhow::bail!(
        "{} is missing, and IVS still has {} resources such as {}: put the file back, or delete the whole data directory \
         {directory} to start afresh",
        database.display(),
        left.len(),
        one.arn
    )
}

/// What the agent of ECS says to a container.
fn tell_container(endpoint: &Endpoint, path: &str) -> Answer {
    match endpoint.ecs.document(path, clock::now()) {
        Some(document) => http_server::json(200, &document),
        None => http_server::json(404, &json!({"code": "NotFound", "message": "there is no such document"})),
    }
}

/// The binary that each image of the template stands for: the one of the image's name, if it is beside the functions'. Other
/// images stand for nothing, and neither do any where a socket cannot be handed to a process.
fn binaries_of_images(options: &Options, template: &Template) -> BTreeMap<String, String> {
    let images = template.images().into_iter().filter(|_| cfg!(unix));
    images.filter(|(_, name)| options.bin_dir.join(name).is_file()).collect()
}

fn check_binaries(options: &Options, template: &Template) -> anyhow::Result<()> {
    for function in &template.functions {
        let binary = options.bin_dir.join(&function.binary);
        if !binary.is_file() {
            bail!("{} has no binary {}: build it first", function.id, binary.display());
        }
    }
    Ok(())
}
