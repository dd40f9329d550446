#include "node/operator/leave_command.hpp"

#include "node/operator/operator_line.hpp"
#include "wire/call.hpp"

#include <chrono>
#include <thread>

namespace starling::node {

namespace {

using namespace std::chrono_literals;

// What a node that was told to leave may take beside handing on what it has and waiting for the
// others: to answer, and to end.
constexpr auto answer_time_max = 5s;
constexpr auto end_time_max = 15s;
constexpr auto poll_interval = 100ms;

} // namespace

int leave_cluster(const config::options& o, std::FILE* out) {
  operator_line line{o, leave_path};
  const auto& address = line.address();
  const auto who = line.ask_who();
  if (!who)
    return fail(out, "cannot reach the node at", address, actors::reason_of(who.error()));

  const auto answer =
      line.order(*who, {},
                 std::chrono::ceil<std::chrono::milliseconds>(o.swim.leave_timeout) +
                     o.gossip.leave_timeout + answer_time_max);
  if (!answer)
    return fail(out, "there is no answer from the node at", address,
                actors::reason_of(answer.error()));
  const auto done = decode_leave_report(*answer);
  if (!done)
    return fail(out, "no sense can be made of the answer from the node at", address,
                std::string{done.error().what});
  if (!done->left && done->lacking == 0)
    return fail(out, "cannot tell whether the others know that it leaves, the node at", address,
                "it takes no more writes; tell it again, or stop it");
  if (!done->left) {
    std::fprintf(
        out,
        "starlingd: the node at %s does not leave: it has what %llu others lack or may have "
        "lost, or what they or itself cannot read, after %lld s of handing on. It is a member as "
        "before and takes writes again; tell it "
        "later, or with a longer gossip.leave-timeout of its own\n",
        address.c_str(), static_cast<unsigned long long>(done->lacking),
        static_cast<long long>(
            std::chrono::ceil<std::chrono::seconds>(o.gossip.leave_timeout).count()));
    return 1;
  }
  std::fprintf(
      out,
      "starlingd: the node at %s has left cluster %s; %llu of %llu others said that they know\n",
      address.c_str(), o.cluster.name.c_str(), static_cast<unsigned long long>(done->acknowledged),
      static_cast<unsigned long long>(done->others));

  for (const auto end = std::chrono::steady_clock::now() + end_time_max;
       std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(poll_interval))
    // A supervisor may have started the next one already.
    if (const auto now = line.ask_who(); !now || *now != *who)
      return 0;
  return fail(out, "the process has not ended at", address, "it still answers");
}

std::string answer_with(const actors::leave_report& report) {
  return wire::encode_answer(encode(report));
}

std::string encode(const actors::leave_report& report) {
  wire::writer out;
  out.varint(report.others);
  out.varint(report.acknowledged);
  out.varint(report.lacking);
  out.u8(report.left ? 1 : 0);
  return std::move(out).take();
}

wire::decoded<actors::leave_report> decode_leave_report(std::string_view bytes) {
  wire::reader in{bytes};
  actors::leave_report result;
  result.others = in.varint();
  result.acknowledged = in.varint();
  result.lacking = in.varint();
  result.left = in.u8() == 1;
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

} // namespace starling::node
