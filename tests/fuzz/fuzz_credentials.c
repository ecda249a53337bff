/* The input is what a person types to join: an address, or a token. */
#include <string.h>

#include "agent/credentials/credentials.h"
#include "platform/base/status.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct credentials_url url;
    struct credentials_why why = {""};
    uint8_t psk[32];
    uint8_t same[32];
    char *text = malloc(size + 1);
    FUZZ_CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    int status = credentials_url_parse(text, &url, &why);
    FUZZ_CHECK(status == 0 || (status == STATUS_INVALID && why.text[0] && strlen(why.text) < sizeof why.text));
    FUZZ_CHECK(status != 0 || (url.host[0] && url.port != 0 && strlen(url.host) < sizeof url.host));
    status = credentials_token_psk(slice_make((const char *)data, size), "madrid-01", psk);
    FUZZ_CHECK(status == 0 || status == STATUS_INVALID);
    if (status == 0) {
        for (size_t i = 0; i < size; i++) {
            text[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
        }
        FUZZ_CHECK(credentials_token_psk(slice_make(text, size), "madrid-01", same) == 0);
        FUZZ_CHECK(memcmp(psk, same, sizeof psk) == 0);
        FUZZ_CHECK(credentials_token_psk(slice_make(text, size), "madrid-02", same) == 0);
        FUZZ_CHECK(memcmp(psk, same, sizeof psk) != 0);
    }
    free(text);
    return 0;
}
