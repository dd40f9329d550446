#include "system/exhaustion.hpp"

#include <cstdio>
#include <cstdlib>
#include <new>
#include <system_error>
#include <unistd.h>

namespace starling::system {

namespace {

std::terminate_handler otherwise = nullptr;

[[noreturn]] void terminate() {
  if (const auto why = describe_exhaustion(std::current_exception())) {
    std::fprintf(stderr, "starlingd: %s\n", why->c_str());
    std::fflush(stderr);
    ::_exit(EXIT_FAILURE); // other threads run, so nothing is taken apart
  }
  if (otherwise != nullptr)
    otherwise();
  std::abort();
}

} // namespace

std::optional<std::string> describe_exhaustion(const std::exception_ptr& thrown) {
  if (!thrown)
    return std::nullopt;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    return "the system gives no more memory; allow this process more (ulimit -v, the limits of "
           "its container)";
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::resource_unavailable_try_again ||
        e.code() == std::errc::not_enough_memory)
      return std::string{"the system gives no further thread or memory ("} + e.what() +
             "); allow this process more (ulimit -v, ulimit -u, the limits of its container), or "
             "set fewer threads, as in http.threads";
    return std::nullopt;
  } catch (...) {
    return std::nullopt;
  }
}

void end_in_words_on_exhaustion() {
  otherwise = std::set_terminate(terminate);
}

} // namespace starling::system
