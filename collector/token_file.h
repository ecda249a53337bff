/* token_file: where a command leaves a token that it made: a file that only its owner may read. */
#ifndef RINGSIDE_COLLECTOR_TOKEN_FILE_H
#define RINGSIDE_COLLECTOR_TOKEN_FILE_H

/* Opened as who we were started as, for that is who chose the place; emptied only when there is a token. NULL: none is
 * wanted, and *fd stays. EXIT_OK, or EXIT_FAILED after having said why; *fd may be open then too. */
int token_file_open(const char *path, int *fd);

/* The token and a line feed, on the disk. As above. */
int token_file_write(int fd, const char *path, const char *token);

#endif
