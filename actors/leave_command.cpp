#include "actors/leave_command.hpp"

#include "actors/membership.hpp"
#include "actors/peer_client.hpp"
#include "membership/call_guard.hpp"
#include "membership/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <thread>

namespace starling::actors {

namespace {

using namespace std::chrono_literals;

// What a node that was told to leave may take beside handing on what it has and waiting for the
// others: to answer, and to end.
constexpr auto answer_time_max = 5s;
constexpr auto end_time_max = 15s;
constexpr auto poll_interval = 100ms;

constexpr std::size_t answer_bytes_max = 4096;

std::string call(const membership::challenge& to) {
  wire::writer out;
  std::random_device entropy;
  encode(out, membership::call_header{{std::uint64_t{entropy()} << 32 | entropy()}, 1, to});
  return std::move(out).take();
}

/// Asks who is there, by calling nobody in particular.
caf::expected<membership::challenge> ask_who(const peer_client_context& context,
                                             const std::string& address, const std::string& path) {
  const auto answer = exchange(context, address, path, call({}));
  if (!answer)
    return answer.error();
  const auto decoded = membership::decode_answer(*answer);
  if (const auto* who = std::get_if<membership::challenge>(&decoded))
    return *who;
  return caf::make_error(errc::bad_message, "it does not say who it is");
}

wire::decoded<leave_report> report_in(std::string_view answer) {
  const auto decoded = membership::decode_answer(answer);
  if (const auto* error = std::get_if<wire::decode_error>(&decoded))
    return *error;
  if (std::holds_alternative<membership::challenge>(decoded))
    return wire::decode_error{"another process is there now"};
  return decode_leave_report(std::get<std::string_view>(decoded));
}

int fail(std::FILE* out, const char* what, const std::string& address, const std::string& why) {
  std::fprintf(out, "starlingd: %s %s: %s\n", what, address.c_str(), why.c_str());
  return 1;
}

} // namespace

int leave_cluster(const options& o, std::FILE* out) {
  const auto& address = membership::is_wildcard(*membership::parse_endpoint(o.cluster.listen))
                            ? o.cluster.advertise
                            : o.cluster.listen;
  const auto path = path_of(membership::call_kind::leave);
  peer_client_context context{.secret = wire::secret{o.cluster.name, o.cluster.key},
                              .timeout = o.cluster.peer_timeout,
                              .answer_bytes_max = answer_bytes_max,
                              .workers = 1};
  const auto who = ask_who(context, address, path);
  if (!who)
    return fail(out, "cannot reach the node at", address, reason_of(who.error()));

  context.timeout = std::chrono::ceil<std::chrono::milliseconds>(o.swim.leave_timeout) +
                    o.gossip.leave_timeout + answer_time_max;
  const auto answer = exchange(context, address, path, call(*who));
  if (!answer)
    return fail(out, "there is no answer from the node at", address, reason_of(answer.error()));
  const auto decoded = report_in(*answer);
  const auto* done = std::get_if<leave_report>(&decoded);
  if (!done)
    return fail(out, "no sense can be made of the answer from the node at", address,
                std::string{std::get<wire::decode_error>(decoded).what});
  if (!done->left) {
    std::fprintf(out,
                 "starlingd: the node at %s does not leave: it has what %llu others lack. "
                 "It takes no writes and goes on handing on; tell it again later\n",
                 address.c_str(), static_cast<unsigned long long>(done->lacking));
    return 1;
  }
  std::fprintf(
      out,
      "starlingd: the node at %s has left cluster %s; %llu of %llu others said that they know\n",
      address.c_str(), o.cluster.name.c_str(), static_cast<unsigned long long>(done->acknowledged),
      static_cast<unsigned long long>(done->others));

  context.timeout = o.cluster.peer_timeout;
  for (const auto end = std::chrono::steady_clock::now() + end_time_max;
       std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(poll_interval))
    // A supervisor may have started the next one already.
    if (const auto now = ask_who(context, address, path); !now || *now != *who)
      return 0;
  return fail(out, "the process has not ended at", address, "it still answers");
}

bool was_taken(std::string_view answer) {
  return !membership::is_challenge(answer);
}

std::string answer_with(const leave_report& report) {
  return membership::encode_answer(encode(report));
}

std::string encode(const leave_report& report) {
  wire::writer out;
  out.varint(report.others);
  out.varint(report.acknowledged);
  out.varint(report.lacking);
  out.u8(report.left ? 1 : 0);
  return std::move(out).take();
}

wire::decoded<leave_report> decode_leave_report(std::string_view bytes) {
  wire::reader in{bytes};
  leave_report result;
  result.others = in.varint();
  result.acknowledged = in.varint();
  result.lacking = in.varint();
  result.left = in.u8() == 1;
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

} // namespace starling::actors
