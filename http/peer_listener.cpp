#include "http/peer_listener.hpp"

#include "actors/gossip.hpp"
#include "actors/inquiry.hpp"
#include "actors/membership.hpp"
#include "http/door_report.hpp"
#include "node/node.hpp"
#include "node/operator/backup_command.hpp"
#include "node/operator/leave_command.hpp"
#include "node/operator/operator_line.hpp"

#include <caf/scoped_actor.hpp>

#include <algorithm>

namespace starling::http {

namespace {

/// A peer connects when it has something to say.
constexpr std::chrono::milliseconds silence_max{5'000};

response plain(int status, std::string_view why) {
  return {status, "text/plain; charset=utf-8", std::string{why}.append("\n"), {}};
}

std::optional<membership::call_kind> kind_at(const std::string& target) {
  using membership::call_kind;
  for (const auto kind : {call_kind::sync, call_kind::ping, call_kind::leave, call_kind::backup})
    if (target == actors::path_of(kind))
      return kind;
  return std::nullopt;
}

} // namespace

peer_listener::peer_listener(caf::actor_system& sys, const config::options& o, wire::secret secret,
                             actors::membership_actor membership, actors::gossip_actor gossip,
                             actors::backup_actor backup, leaver leave)
    : sys_(sys), secret_(std::move(secret)), timeout_(o.cluster.peer_timeout),
      membership_(std::move(membership)), gossip_(std::move(gossip)), backup_(std::move(backup)),
      leave_(std::move(leave)) {
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
                         .observer = report_door(sys, "peers")},
      [this](const request& r) { return handle(r); });
}

std::optional<std::string> peer_listener::start() {
  return listener_->start();
}

void peer_listener::stop() {
  listener_->stop();
}

response peer_listener::handle(const request& r) {
  if (r.method != "POST")
    return plain(405, "only nodes of the cluster are served here");
  const std::string target{r.target};
  if (target != actors::gossip_path && target != actors::inquiry_path && !kind_at(target))
    return plain(404, "only nodes of the cluster are served here");
  const auto opened = wire::open_request(secret_, target, r.body);
  if (const auto* error = std::get_if<wire::envelope_error>(&opened))
    return plain(*error == wire::envelope_error::malformed ? 400 : 403, to_string(*error));
  const auto& message = std::get<wire::opened_request>(opened);
  auto answer = answer_to(target, std::string{message.content});
  if (auto* refusal = std::get_if<response>(&answer))
    return std::move(*refusal);
  return {200,
          "application/octet-stream",
          wire::seal_answer(secret_, message.tag, std::get<std::string>(answer)),
          {}};
}

std::variant<std::string, response> peer_listener::answer_to(const std::string& target,
                                                             const std::string& content) {
  if (target == actors::inquiry_path)
    return ask<std::string>(gossip_, actors::question_atom_v, content);
  const auto kind = kind_at(target);
  if (!kind)
    return ask<std::string>(gossip_, actors::message_atom_v, content);
  auto answer = ask<std::string>(membership_, actors::message_atom_v, *kind, content);
  if (const auto* text = std::get_if<std::string>(&answer); !text || !node::was_taken(*text))
    return answer;
  if (kind == membership::call_kind::leave)
    return node::answer_with(leave_());
  if (kind == membership::call_kind::backup)
    return back_up(content);
  return answer;
}

std::variant<std::string, response> peer_listener::back_up(const std::string& call) {
  using actors::backup_report;
  auto folder = node::ordered_folder(call);
  auto answer = folder.empty()
                    ? ask<backup_report>(backup_, actors::report_atom_v)
                    : ask<backup_report>(backup_, actors::back_up_atom_v, std::move(folder));
  if (auto* refusal = std::get_if<response>(&answer))
    return std::move(*refusal);
  return node::answer_with(std::get<backup_report>(answer));
}

template <class T, class Actor, class... Ts>
std::variant<T, response> peer_listener::ask(const Actor& to, Ts&&... message) {
  std::variant<T, response> result;
  caf::scoped_actor self{sys_}; // one for each message: a late answer goes with it
  self->request(to, timeout_, std::forward<Ts>(message)...)
      .receive([&](T& answer) { result = std::move(answer); },
               [&](const caf::error& why) {
                 if (why == actors::errc::bad_message)
                   result = plain(400, actors::reason_of(why));
                 else if (why == actors::errc::unreachable || actors::is_of_disk(why))
                   result = plain(503, actors::reason_of(why));
                 else
                   result = plain(503, "no answer in time");
               });
  return result;
}

} // namespace starling::http
