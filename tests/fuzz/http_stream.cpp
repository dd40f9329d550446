// Feeds the bytes of one connection to the reader of requests: as a whole, one by one, and in
// pieces whose size the first byte says. All three have to find the same requests and the same end.
// Written anew from what was understood, a request has to be understood in the same way.

#include "http/api/request_reader.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace starling::http;
using progress = request_reader::progress;

constexpr std::size_t body_bytes_max = 4096;

std::string text_of(const head& h, const std::string& body) {
  std::string result =
      h.method + ' ' + h.target + (h.is_http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  for (const auto& [name, value] : h.fields)
    if (name != "transfer-encoding" && name != "content-length")
      result += name + ": " + value + "\r\n";
  if (h.body.length || h.body.chunked)
    result += "content-length: " + std::to_string(body.size()) + "\r\n";
  return result + "\r\n" + body;
}

void check_again(const std::string& text) {
  request_reader reader{body_bytes_max};
  const auto outcome = reader.read(text);
  if (const auto* refused = std::get_if<problem>(&outcome)) {
    // Its length may be longer than the one that was not given.
    if (refused->code != problem_code::head_too_large)
      std::abort();
    return;
  }
  if (std::get<progress>(outcome) != progress::whole ||
      text_of(reader.asked(), reader.body()) != text || reader.bytes_held() != reader.body().size())
    std::abort();
}

/// All that was found, as text.
std::string found_in(std::string_view bytes, std::size_t piece, bool again) {
  request_reader reader{body_bytes_max};
  std::string result;
  for (std::size_t i = 0; i < bytes.size(); i += piece) {
    auto outcome = reader.read(bytes.substr(i, piece));
    while (std::holds_alternative<progress>(outcome) &&
           std::get<progress>(outcome) == progress::whole) {
      const auto text = text_of(reader.asked(), reader.body());
      if (reader.body().size() > body_bytes_max)
        std::abort();
      if (again)
        check_again(text);
      result += text + (reader.asked().keeps_open ? "open\n" : "close\n");
      reader.next();
      outcome = reader.read("");
    }
    if (const auto* refused = std::get_if<problem>(&outcome))
      return result + "refused " + std::to_string(status_of(refused->code));
  }
  return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
  const auto found = found_in(bytes, bytes.size() + 1, true);
  if (found_in(bytes, 1, false) != found || found_in(bytes, data[0] + 1U, false) != found)
    std::abort();
  return 0;
}
