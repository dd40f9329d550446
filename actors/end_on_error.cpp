#include "actors/end_on_error.hpp"

#include "system/log.hpp"

#include <cstdlib>

namespace starling::actors {

void end_process(std::string_view who, std::string_view why) {
  constexpr std::chrono::seconds for_the_last_line{1};
  log::error(who, "fatal: {}", why);
  log::flush(for_the_last_line);
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
