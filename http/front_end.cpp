#include "http/front_end.hpp"

#include "config/config.hpp"
#include "http/api/reply.hpp"
#include "http/cluster_view.hpp"
#include "http/metrics.hpp"
#include "http/port_report.hpp"
#include "http/route_of.hpp"
#include "http/service_problem.hpp"
#include "http/warnings.hpp"
#include "membership/endpoint.hpp"

namespace starling::http {

namespace {

using node::service_error;

// Threads of requests that have to be answered however busy the others are.
constexpr std::size_t health_threads = 1; // never waits
constexpr std::size_t report_threads = 2;

std::size_t lane_of(std::string_view target) {
  const auto path = target.substr(0, target.find('?'));
  if (path == health_request::path)
    return 1;
  return path == ready_request::path || path == metrics_request::path ? 2 : 0;
}

listener::settings listener_settings(caf::actor_system& sys, const config::http_options& o) {
  const auto where = *membership::parse_endpoint(o.listen);
  return {.host = where.host,
          .port = where.port,
          .threads = {o.threads, health_threads, report_threads},
          .lane_of = lane_of,
          .connections_max = o.max_connections,
          .body_bytes_max = o.max_body,
          .silent_timeout = o.idle_timeout,
          .idle_timeout = o.idle_timeout,
          .transfer_timeout = o.transfer_timeout,
          .observer = report_port(sys, "clients")};
}

} // namespace

front_end::front_end(caf::actor_system& sys, settings with, node::service& door)
    : sys_(sys), settings_(std::move(with)), door_(door),
      listener_(listener_settings(sys, settings_.options),
                [this](const request& r) { return handle(r); }) {}

front_end::~front_end() {
  stop();
}

std::optional<std::string> front_end::start() {
  return listener_.start();
}

void front_end::stop() {
  door_.begin_stop();
  listener_.stop();
}

response front_end::handle(const request& r) {
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  auto asked = parse(r, settings_.secret, {settings_.options.max_body});
  auto result = std::visit([this](auto& a) { return reply(a); }, asked);
  count_request(sys_, route_of(asked), result.status);
  time_request(sys_, route_of(asked), std::chrono::duration<double>{clock::now() - begin}.count());
  return result;
}

response front_end::reply(const read_request& asked) {
  const auto came = door_.wait_for<crdt::view>(
      [&](auto tell) { door_.read(asked.key, asked.query, std::move(tell)); });
  if (!came)
    return reply_with(problem_of_read(asked.key, came.error()));
  return reply_to_read(asked.key, *came, settings_.secret, asked.how);
}

/// Takes the command away.
response front_end::reply(write_request& asked) {
  const auto came = door_.wait_for<crdt::view>(
      [&](auto tell) { door_.write(asked.key, std::move(asked.command), std::move(tell)); });
  if (!came)
    return reply_with(problem_of_write(asked.key, came.error()));
  return reply_to_write(asked.key, *came, settings_.secret, asked.how);
}

response front_end::reply(const keys_request& asked) {
  const auto came =
      door_.wait_for<crdt::key_page>([&](auto tell) { door_.keys(asked.query, std::move(tell)); });
  if (!came)
    return reply_with(problem_of(came.error()));
  return reply_with(*came);
}

response front_end::reply(index_request) {
  return reply_with_index(config::version, routes());
}

response front_end::reply(cluster_request) {
  const auto came = ask_how_it_is();
  if (!came)
    return reply_with(problem_of_report(came.error()));
  return reply_with(view_of(*came, settings_.replica, settings_.started));
}

response front_end::reply(health_request) {
  return reply_with_status("alive");
}

response front_end::reply(ready_request) {
  const auto came = ask_how_it_is();
  if (const auto why = door_.why_not_ready(came))
    return reply_with(problem_of(*why));
  const auto& report = *came;
  return reply_with_status("ready", warnings_of(report.membership, report.storage, report.gossip));
}

response front_end::reply(metrics_request) {
  const auto came = ask_how_it_is();
  if (!came)
    return reply_with(problem_of_report(came.error()));
  return reply_with_metrics(metrics_text(sys_, *came));
}

response front_end::reply(const options_request& asked) {
  return reply_to_options(asked.allow);
}

response front_end::reply(const problem& what) {
  return reply_with(what);
}

node::outcome<node::node_report> front_end::ask_how_it_is() {
  return door_.wait_for<node::node_report>([this](auto tell) { door_.report(std::move(tell)); });
}

} // namespace starling::http
