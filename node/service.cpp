#include "node/service.hpp"

#include "actors/ending.hpp"

#include <caf/send.hpp>

#include <tuple>
#include <utility>

namespace starling::node {

namespace {

// How long a stop waits for what clients have asked.
constexpr std::chrono::milliseconds stop_patience{1000};

} // namespace

service::service(caf::actor_system& sys, const service_context& context,
                 std::chrono::milliseconds patience)
    : patience_(patience), actor_(spawn_service(sys, context)) {}

service::~service() {
  caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
}

void service::read(crdt::key key, crdt::query query, done<crdt::view> tell) {
  caf::anon_send(actor_, actors::read_atom_v, std::move(key), std::move(query),
                 view_reply{std::move(tell), service_error::stopping});
}

void service::write(crdt::key key, crdt::command command, done<crdt::view> tell) {
  caf::anon_send(actor_, actors::apply_atom_v, std::move(key), std::move(command),
                 view_reply{std::move(tell), service_error::write_cut_off});
}

void service::write(std::vector<write_order> orders, std::function<void(write_outcomes)> tell) {
  write_outcomes cut_off(orders.size(), service_error::write_cut_off);
  caf::anon_send(actor_, actors::apply_atom_v, std::move(orders),
                 views_reply{std::move(tell), std::move(cut_off)});
}

void service::keys(crdt::key_query query, done<crdt::key_page> tell) {
  caf::anon_send(actor_, actors::keys_atom_v, std::move(query),
                 keys_reply{std::move(tell), service_error::stopping});
}

void service::report(done<node_report> tell) {
  caf::anon_send(actor_, actors::report_atom_v,
                 report_reply{std::move(tell), service_error::stopping});
}

void service::refuse_writes(std::function<void(bool)> tell) {
  caf::anon_send(actor_, refuse_writes_atom_v, yes_reply{std::move(tell), false});
}

void service::take_writes() {
  caf::anon_send(actor_, take_writes_atom_v);
}

void service::wait_until_writes_are_refused() {
  // Nobody waits any longer for a write that takes longer than clients are waited for.
  std::ignore = wait_for<bool>([this](const done<bool>& tell) { refuse_writes(tell); });
}

std::optional<unreadiness> service::why_not_ready(const outcome<node_report>& report) const {
  if (is_stopping_)
    return unreadiness{unreadiness::cause::stopping};
  return starling::node::why_not_ready(report);
}

void service::begin_stop() {
  if (is_stopping_.exchange(true))
    return;
  stop_at_ = clock::now() + stop_patience;
}

void service::stop() {
  begin_stop();
  caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
  actors::wait_for_end(actor_);
}

} // namespace starling::node
