#include "platform/coap/library.h"

#include <pthread.h>

#include "platform/coap/library_internal.h"

static void drop_line(coap_log_t level, const char *text)
{
    (void)level;
    (void)text;
}

static void start_once(void)
{
    coap_startup();
    coap_set_log_handler(drop_line);
    coap_set_log_level(LOG_EMERG);
}

void library_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start_once);
}
