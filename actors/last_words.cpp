#include "actors/last_words.hpp"

#include "actors/log.hpp"

#include <cstdlib>

namespace starling::actors {

void end_process(std::string_view who, std::string_view why) {
  log::error(who, "fatal: {}", why);
  std::abort();
}

std::string describe(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

} // namespace starling::actors
