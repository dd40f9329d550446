#include "node/operator/backup_command.hpp"

#include "actors/backup.hpp"
#include "node/operator/operator_line.hpp"
#include "wire/call.hpp"

#include <chrono>
#include <filesystem>
#include <thread>

namespace starling::node {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// A large copy to a slow disk; the node goes on even then.
constexpr auto backup_time_max = 24h;

// A node whose disk is that busy may be silent for a while.
constexpr auto silence_max = 1min;
constexpr auto poll_interval = 200ms;

constexpr std::size_t why_bytes_max = 8 << 10;

/// How the backup in a folder ended, or why that is not known.
caf::expected<actors::backup_report> outcome_of(operator_line& line, const std::string& folder,
                                                std::chrono::milliseconds timeout) {
  const auto who = line.ask_who();
  if (!who)
    return who.error();
  auto answer = line.order(*who, folder, timeout);
  const auto end = clock::now() + backup_time_max;
  for (auto heard = clock::now(); clock::now() < end;) {
    if (answer) {
      heard = clock::now();
      auto decoded = decode_backup_report(*answer);
      if (!decoded)
        return caf::make_error(actors::errc::bad_message, std::string{decoded.error().what});
      auto& report = *decoded;
      if (report.folder != folder)
        return caf::make_error(actors::errc::bad_message,
                               "the last backup that it knows of is another one");
      if (report.state != actors::backup_state::running)
        return std::move(report);
    } else if (answer.error() != actors::errc::unreachable || clock::now() - heard > silence_max) {
      return answer.error();
    }
    std::this_thread::sleep_for(poll_interval);
    answer = line.order(*who, {}, timeout);
  }
  return caf::make_error(actors::errc::unreachable, "it is still at it after a day, and goes on");
}

} // namespace

int order_backup(const config::options& o, const std::string& folder, std::FILE* out) {
  std::error_code error;
  auto path = std::filesystem::absolute(folder, error);
  if (folder.empty() || error || path.native().size() > actors::backup_path_bytes_max) {
    std::fprintf(
        out,
        "starlingd: backup needs a folder that is to be made, as in: starlingd backup DIR; "
        "its path has %zu bytes at most\n",
        actors::backup_path_bytes_max);
    return 1;
  }
  operator_line line{o, backup_path};
  const auto done = outcome_of(line, path.string(), o.cluster.peer_timeout);
  if (!done)
    return fail(out, "there is no answer from the node at", line.address(),
                actors::reason_of(done.error()));
  if (done->state != actors::backup_state::made)
    return fail(out, "no backup was made by the node at", line.address(), done->why);
  std::fprintf(out, "starlingd: the node at %s has made a backup in %s\n", line.address().c_str(),
               path.c_str());
  return 0;
}

std::string answer_with(const actors::backup_report& report) {
  return wire::encode_answer(encode(report));
}

std::string encode(const actors::backup_report& report) {
  wire::writer out;
  out.bytes(report.folder);
  out.u8(static_cast<std::uint8_t>(report.state));
  out.bytes(std::string_view{report.why}.substr(0, why_bytes_max));
  return std::move(out).take();
}

wire::decoded<actors::backup_report> decode_backup_report(std::string_view bytes) {
  wire::reader in{bytes};
  actors::backup_report result;
  result.folder = in.bytes();
  const auto state = in.u8();
  result.why = in.bytes();
  in.expect_end();
  if (state > static_cast<std::uint8_t>(actors::backup_state::refused))
    in.fail("unknown state of a backup");
  if (!in.ok())
    return in.error();
  result.state = static_cast<actors::backup_state>(state);
  return result;
}

} // namespace starling::node
