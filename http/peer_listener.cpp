#include "http/peer_listener.hpp"

#include "http/port_report.hpp"
#include "membership/endpoint.hpp"
#include "node/node.hpp"

#include <algorithm>

namespace starling::http {

namespace {

/// A peer connects when it has something to say.
constexpr std::chrono::milliseconds silence_max{5'000};

} // namespace

peer_listener::peer_listener(caf::actor_system& sys, const config::options& o, wire::secret secret,
                             call_table calls)
    : secret_(std::move(secret)), calls_(std::move(calls)) {
  const auto where = *membership::parse_endpoint(o.cluster.listen);
  listener_ = std::make_unique<listener>(
      listener::settings{.host = where.host,
                         .port = where.port,
                         .threads = {o.cluster.threads},
                         .connections_max = o.cluster.max_connections,
                         .body_bytes_max = node::peer_message_bytes_max(o),
                         .silent_timeout = std::min(o.cluster.peer_timeout, silence_max),
                         .transfer_timeout = o.cluster.peer_timeout,
                         .repeats_soon = true,
                         .observer = report_port(sys, "peers")},
      [this](const request& r) { return handle(r); });
}

std::optional<std::string> peer_listener::start() {
  return listener_->start();
}

void peer_listener::stop() {
  listener_->stop();
}

response peer_listener::handle(const request& r) {
  const auto* call = calls_.find(r.target);
  if (r.method != "POST" || call == nullptr)
    return refuse_call(r.method == "POST" ? 404 : 405, "only nodes of the cluster are served here");
  const auto opened = wire::open_request(secret_, r.target, r.body);
  if (!opened)
    return refuse_call(opened.error() == wire::envelope_error::malformed ? 400 : 403,
                       to_string(opened.error()));
  const auto& message = *opened;
  auto answer = calls_.answer(*call, message.content);
  if (!answer)
    return std::move(answer).error();
  return {200, "application/octet-stream", wire::seal_answer(secret_, message.tag, *answer), {}};
}

} // namespace starling::http
