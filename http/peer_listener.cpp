#include "http/peer_listener.hpp"

#include "actors/gossip.hpp"
#include "actors/membership.hpp"
#include "actors/node.hpp"

#include <caf/scoped_actor.hpp>

namespace starling::http {

namespace {

response plain(int status, std::string_view why) {
  return {status, "text/plain; charset=utf-8", std::string{why}.append("\n"), {}};
}

} // namespace

peer_listener::peer_listener(caf::actor_system& sys, const actors::options& o, wire::secret secret,
                             actors::membership_actor membership, actors::gossip_actor gossip)
    : sys_(sys), secret_(std::move(secret)), timeout_(o.cluster.peer_timeout),
      membership_(std::move(membership)), gossip_(std::move(gossip)) {
  const auto where = *membership::parse_endpoint(o.cluster.listen);
  listener_ = std::make_unique<listener>(
      listener::settings{.host = where.host,
                         .port = where.port,
                         .threads = o.cluster.threads,
                         .body_bytes_max = actors::peer_message_bytes_max(o),
                         .transfer_timeout = o.cluster.peer_timeout},
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
  const bool is_join = r.target == actors::join_path;
  if (!is_join && r.target != actors::gossip_path)
    return plain(404, "only nodes of the cluster are served here");
  const auto opened = wire::open_request(secret_, r.target, r.body);
  if (const auto* error = std::get_if<wire::envelope_error>(&opened))
    return plain(*error == wire::envelope_error::malformed ? 400 : 403, to_string(*error));
  const auto& message = std::get<wire::opened_request>(opened);
  return is_join ? deliver(membership_, message) : deliver(gossip_, message);
}

template <class Actor>
response peer_listener::deliver(const Actor& to, const wire::opened_request& opened) {
  response result;
  caf::scoped_actor self{sys_}; // one for each message: a late answer goes with it
  self->request(to, timeout_, actors::message_atom_v, std::string{opened.content})
      .receive(
          [&](const std::string& answer) {
            result = {200,
                      "application/octet-stream",
                      wire::seal_answer(secret_, opened.tag, answer),
                      {}};
          },
          [&](const caf::error& why) {
            result = why == actors::errc::bad_message ? plain(400, actors::reason_of(why))
                                                      : plain(503, "no answer in time");
          });
  return result;
}

} // namespace starling::http
