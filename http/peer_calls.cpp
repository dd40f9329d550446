#include "http/peer_calls.hpp"

#include "actors/gossip.hpp"
#include "actors/inquiry.hpp"
#include "actors/membership.hpp"
#include "node/operator/backup_command.hpp"
#include "node/operator/leave_command.hpp"

#include <utility>

namespace starling::http {

namespace {

call_row to_gossip(const asker& via, const actors::gossip_actor& to) {
  return {.path = actors::gossip_path,
          .may_be_repeated = true, // a message names the session that it is for, and may be joined
                                   // any number of times
          .handle = [=](const std::string& content) {
            return via.ask<std::string>(to, actors::message_atom_v, content);
          }};
}

call_row to_inquiry(const asker& via, const actors::gossip_actor& to) {
  return {.path = actors::inquiry_path,
          .may_be_repeated = true, // a question changes nothing
          .handle = [=](const std::string& content) {
            return via.ask<std::string>(to, actors::question_atom_v, content);
          }};
}

call_row to_membership(const asker& via, const actors::membership_actor& to,
                       membership::call_kind kind) {
  return {.path = actors::path_of(kind), .handle = [=](const std::string& content) {
            return via.ask<std::string>(to, actors::message_atom_v, kind, content);
          }};
}

call_row to_leave(const std::function<actors::leave_report()>& leave) {
  return {.path = node::leave_path, .handle = [=](const std::string& content) -> call_row::answer {
            if (!content.empty())
              return refuse_call(400, "an order to leave says nothing else");
            return node::answer_with(leave());
          }};
}

/// The content is the folder of the backup to be made. Without one the call asks how the last
/// backup goes.
call_row to_backup(const asker& via, const actors::backup_actor& to) {
  using actors::backup_report;
  return {.path = node::backup_path, .handle = [=](const std::string& folder) -> call_row::answer {
            auto answer = folder.empty()
                              ? via.ask<backup_report>(to, actors::report_atom_v)
                              : via.ask<backup_report>(to, actors::back_up_atom_v, folder);
            if (!answer)
              return std::move(answer).error();
            return node::answer_with(*answer);
          }};
}

} // namespace

std::vector<call_row> calls_to_a_node(const asker& via, const call_receivers& to) {
  return {
      to_gossip(via, to.gossip),
      to_inquiry(via, to.gossip),
      to_membership(via, to.membership, membership::call_kind::sync),
      to_membership(via, to.membership, membership::call_kind::ping),
      to_leave(to.leave),
      to_backup(via, to.backup),
  };
}

} // namespace starling::http
