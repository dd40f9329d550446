// Whatever a peer posts: opened only if it is whole, and then a view into what was posted.

#include "wire/envelope.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling::wire;
  static const secret ours{"starling", "fuzz"};
  const std::string_view input{reinterpret_cast<const char*>(data), size};

  const auto opened = open_request(ours, "/gossip", input);
  if (const auto* request = std::get_if<opened_request>(&opened)) {
    const auto inside = request->content.data() - input.data();
    if (inside < 0 || request->content.size() + envelope_size != input.size())
      std::abort();
  }
  const auto sealed = seal_request(ours, "/gossip", {1, 2}, input);
  const auto again = open_request(ours, "/gossip", sealed);
  if (!std::holds_alternative<opened_request>(again) ||
      std::get<opened_request>(again).content != input)
    std::abort();
  if (std::holds_alternative<std::string_view>(open_answer(ours, sealed, input)))
    std::abort(); // nobody can guess the tag of an answer
  return 0;
}
