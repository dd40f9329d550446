#include "node/operator/operator_line.hpp"

#include "membership/endpoint.hpp"
#include "system/random.hpp"

#include <utility>
#include <variant>

namespace starling::node {

namespace {

constexpr std::size_t answer_bytes_max = 16 << 10;

} // namespace

operator_line::operator_line(const config::options& o, std::string path)
    : address_(membership::is_wildcard(*membership::parse_endpoint(o.cluster.listen))
                   ? o.cluster.advertise
                   : o.cluster.listen),
      path_(std::move(path)),
      timeout_(o.cluster.peer_timeout), context_{.secret =
                                                     wire::secret{o.cluster.name, o.cluster.key},
                                                 .timeout = o.cluster.peer_timeout,
                                                 .answer_bytes_max = answer_bytes_max,
                                                 .workers = 1},
      from_{system::random_bits()} {}

caf::expected<wire::challenge> operator_line::ask_who() {
  context_.timeout = timeout_;
  const auto answer =
      actors::exchange(context_, address_, path_, call({}, {})); // for nobody in particular
  if (!answer)
    return answer.error();
  const auto decoded = wire::decode_answer(*answer);
  if (const auto* who = std::get_if<wire::challenge>(&decoded))
    return *who;
  return caf::make_error(actors::errc::bad_message, "it does not say who it is");
}

caf::expected<std::string> operator_line::order(const wire::challenge& to, std::string_view content,
                                                std::chrono::milliseconds timeout) {
  context_.timeout = timeout;
  const auto answer = actors::exchange(context_, address_, path_, call(to, content));
  if (!answer)
    return answer.error();
  const auto decoded = wire::decode_answer(*answer);
  if (const auto* error = std::get_if<wire::decode_error>(&decoded))
    return caf::make_error(actors::errc::bad_message, std::string{error->what});
  if (const auto* now = std::get_if<wire::challenge>(&decoded)) {
    if (now->session == to.session) // it had to forget a caller meanwhile
      return order(*now, content, timeout);
    return caf::make_error(actors::errc::bad_message, "another process is there now");
  }
  return std::string{std::get<std::string_view>(decoded)};
}

std::string operator_line::call(const wire::challenge& to, std::string_view content) {
  wire::writer out;
  encode(out, wire::call_header{from_, ++calls_, to});
  out.raw(content);
  return std::move(out).take();
}

int fail(std::FILE* out, const char* what, const std::string& address, const std::string& why) {
  std::fprintf(out, "starlingd: %s %s: %s\n", what, address.c_str(), why.c_str());
  return 1;
}

} // namespace starling::node
